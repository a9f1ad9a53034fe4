"use strict";
(() => {
  const WORDS = {
    en: {
      other: "中文", home: "All objects", tags: "Tags of the object", reset: "As deployed",
      key: "tag", before: "before", after: "after", labels: "Labels", filter: "Filter by name",
      keys: "Click a clip to play it. In the list: up and down choose a label, left and right its clips, Enter plays, space pauses, / filters.",
      noLabels: "There are no labels.",
      noVideo: "No video was given to this page.",
      noPlay: "The video cannot be played: it is not there, its URL has expired, or the browser does not know its format. `show --video` takes a copy in another one, such as MP4.",
      expires: until => `The video's URL is good until ${until}.`,
      shown: (shown, all) => shown === all ? `${all}` : `${shown} of ${all}`,
      tried: "A preview with other settings: nothing is written.",
      unread: "The object's tags were not read: it is shown as one without tags.",
      spelt: "LABEL_NAMES is raw, but OSS documents ASCII tags only, and no tag of this object shows that its region takes others. So names are spelt here as the function writes them once OSS has refused the raw ones.",
      status: {
        tagged: "What the function would write with the deployed settings.",
        unchanged: "Nothing would be written: the object has these tags already.",
        superseded: "Nothing would be written: the tags are of a newer task.",
        stale: "Nothing would be written: the object was written after the task had started, so the labels may be of an older upload.",
        tag_limit: "Nothing would be written: the object has ten tags of its own, which is all that OSS allows.",
        not_allowed: "Nothing would be written: no pattern of ALLOWED_OBJECTS matches the object.",
        object_gone: "Nothing would be written: the object does not exist any more.",
        task_failed: "The task failed, so there are no labels.",
        running: "The task has not ended yet.",
        no_task: "No task is known that looked for labels in this object.",
      },
      unitMs: "IMM does not document the unit of a clip's TimeRange; milliseconds are assumed.",
      unitMsFits: "IMM does not document the unit of a clip's TimeRange; milliseconds fit the length of this video.",
      unitS: "IMM does not document the unit of a clip's TimeRange; seconds fit the length of this video, and milliseconds do not.",
      unitNone: "IMM does not document the unit of a clip's TimeRange, and neither milliseconds nor seconds fit the length of this video: times may be wrong.",
      confidence: "confidence", level: "level", parent: "parent", clips: count => count === 1 ? "1 clip" : `${count} clips`,
      clip: (number, count, from, to) => `, clip ${number} of ${count}, ${from} to ${to}`,
      reasons: { confidence: () => "below the minimum", limit: () => "no room", collision: key => `${key} is taken` }, task: "task", taskStart: "started",
    },
    zh: {
      other: "English", home: "全部对象", tags: "对象标签", reset: "恢复已部署的设置",
      key: "标签", before: "写入前", after: "写入后", labels: "视频标签", filter: "按名称筛选",
      keys: "点击片段即可播放。在列表中：上下键选择标签，左右键选择片段，回车键播放，空格键暂停，按 / 键筛选。",
      noLabels: "没有视频标签。",
      noVideo: "此页面未附带视频。",
      noPlay: "视频无法播放：文件不存在、链接已过期，或浏览器不支持该格式。可以用 `show --video` 提供其他格式（如 MP4）的副本。",
      expires: until => `视频链接有效期至 ${until}。`,
      shown: (shown, all) => shown === all ? `${all}` : `${shown} / ${all}`,
      tried: "这是按其他设置生成的预览，不会写入任何标签。",
      unread: "未读取对象的标签，此处按没有标签的对象显示。",
      spelt: "LABEL_NAMES 为 raw，但 OSS 文档只允许 ASCII 标签，而此对象的标签也未表明该地域接受其他字符。因此这里显示 OSS 拒绝原文后函数改写的名称。",
      status: {
        tagged: "以下是函数按已部署的设置将会写入的标签。",
        unchanged: "不会写入：对象已有这些标签。",
        superseded: "不会写入：对象上的标签来自开始时间更晚的任务。",
        stale: "不会写入：对象在任务开始之后被写入过，识别结果可能属于较早上传的内容。",
        tag_limit: "不会写入：对象自身已有 10 个标签，达到 OSS 的上限。",
        not_allowed: "不会写入：对象不匹配 ALLOWED_OBJECTS 中的任何模式。",
        object_gone: "不会写入：对象已不存在。",
        task_failed: "任务失败，没有标签。",
        running: "任务尚未结束。",
        no_task: "未找到分析过此对象的任务。",
      },
      unitMs: "IMM 文档未说明片段 TimeRange 的单位，此处按毫秒处理。",
      unitMsFits: "IMM 文档未说明片段 TimeRange 的单位；按毫秒处理与视频时长相符。",
      unitS: "IMM 文档未说明片段 TimeRange 的单位；按秒处理与视频时长相符，毫秒则不符。",
      unitNone: "IMM 文档未说明片段 TimeRange 的单位，毫秒和秒都与视频时长不符，时间可能有误。",
      confidence: "置信度", level: "级别", parent: "父标签", clips: count => `${count} 个片段`,
      clip: (number, count, from, to) => `，第 ${number} 个片段（共 ${count} 个），${from} 至 ${to}`,
      reasons: { confidence: () => "低于最低置信度", limit: () => "标签数已满", collision: key => `${key} 已被占用` }, task: "任务", taskStart: "开始于",
    },
  };
  const data = JSON.parse(document.getElementById("data").textContent);
  const by = id => document.getElementById(id);
  const video = by("video"), rows = by("rows"), playhead = by("playhead"), axis = by("axis").firstElementChild;
  const labels = data.labels, writes = data.status === "tagged" || data.status === "unchanged";
  const before = new Map(data.before || []), found = new Map(data.found);
  const reserved = new Set(data.rules.map(rule => rule.key));
  const longest = labels.reduce((most, label) => label.clips.reduce((end, each) => Math.max(end, each[1]), most), 0);

  let language = (data.language || navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
  let say = WORDS[language];
  let minimum = data.minimum, limit = data.limit;
  let unit = 1000, unitSays = "unitMs", length = 1, played = true;
  let chosen = -1, clip = 0, shown = [], drops = new Map(), labelTags = new Map();

  // As the function plans: tags of others, provenance, rules, labels from the best down.
  const matches = match => match === null || match.labels.some(name =>
    found.has(name) && found.get(name) >= (match.minimum === null ? minimum : match.minimum));
  const plan = () => {
    const tags = new Map();
    const full = () => tags.size >= data.room;
    if (data.room > 1) tags.set(data.namespace, data.provenance);
    for (const rule of data.rules) {
      const value = rule.values.find(each => matches(each.match));
      if (value && !full()) tags.set(rule.key, value.value);
    }
    let left = limit, rank = -1, closed = false;
    labels.forEach((label, index) => {
      // Labels that IMM ranks equally are looked at together.
      if (label.rank !== rank) { rank = label.rank; closed = full() || left <= 0; }
      if (label.confidence < minimum) drops.set(index, "confidence");
      else if (closed) drops.set(index, "limit");
      else if (reserved.has(label.key) || tags.has(label.key)) drops.set(index, "collision");
      else if (full() || left <= 0) drops.set(index, "limit");
      else { tags.set(label.key, label.value); labelTags.set(index, label.key); left -= 1; }
    });
    return new Map([...data.foreign, ...tags]);
  };
  // What the object has already: the first label of a key is the one that has it.
  const there = () => {
    const taken = new Set(reserved);
    labels.forEach((label, index) => {
      if (before.has(label.key) && !taken.has(label.key)) labelTags.set(index, label.key);
      taken.add(label.key);
    });
    return before;
  };

  const cell = (row, text) => { const td = document.createElement("td"); td.textContent = text; row.append(td); };
  const showTags = () => {
    drops = new Map(); labelTags = new Map();
    const after = writes ? plan() : there();
    by("minimum-value").textContent = String(minimum);
    by("limit-value").textContent = String(limit);
    const deployed = minimum === data.minimum && limit === data.limit;
    const status = say.status[data.status] + (data.message ? ` ${data.message}` : "");
    by("status").textContent = deployed ? status : say.tried;
    by("reset").disabled = deployed;
    const body = by("tag-set").tBodies[0], all = document.createDocumentFragment();
    for (const key of new Set([...before.keys(), ...after.keys()])) {
      const row = document.createElement("tr"), was = before.get(key), is = after.get(key);
      row.className = was === undefined ? "added" : is === undefined ? "removed" : was === is ? "" : "changed";
      cell(row, key); cell(row, was ?? ""); cell(row, is ?? "");
      all.append(row);
    }
    body.replaceChildren(all);
    for (const row of rows.children) describe(row);
  };

  const time = seconds => {
    const whole = Math.floor(seconds), hours = Math.floor(whole / 3600);
    const rest = `${String(Math.floor(whole / 60) % 60).padStart(hours ? 2 : 1, "0")}:${String(whole % 60).padStart(2, "0")}`;
    return hours ? `${hours}:${rest}` : rest;
  };
  const exact = seconds => `${time(seconds)}.${String(Math.floor(seconds * 1000) % 1000).padStart(3, "0")}`;

  const describe = row => {
    const index = Number(row.dataset.index), label = labels[index], reason = drops.get(index), key = labelTags.get(index);
    const wasOff = "reason" in row.dataset;
    if (reason) row.dataset.reason = reason; else delete row.dataset.reason;
    const ending = key ?? (reason ? say.reasons[reason](label.key) : "");
    const clips = label.clips.length ? say.clips(label.clips.length) : "";
    row.querySelector(".about").textContent = [label.confidence.toFixed(2), ending, clips].filter(Boolean).join(" · ");
    const full = [
      label.name, label.alias, `${say.confidence} ${label.confidence}`, label.level ? `${say.level} ${label.level}` : "",
      label.parent ? `${say.parent} ${label.parent}` : "", ending, clips,
    ].filter(Boolean);
    row.title = full.join("\n");
    row.setAttribute("aria-label", full.join(", "));
    if (row.dataset.drawn && wasOff !== "reason" in row.dataset) draw(row);
  };
  const tellChosen = () => {
    const clips = chosen >= 0 ? labels[chosen].clips : [];
    const said = clips.length ? say.clip(clip + 1, clips.length, exact(clips[clip][0] / unit), exact(clips[clip][1] / unit)) : "";
    const name = document.createElement("bdi");
    name.textContent = chosen >= 0 ? labels[chosen].name : "";
    by("chosen").replaceChildren(name, said);
  };

  const sized = canvas => {
    const ratio = window.devicePixelRatio || 1, box = canvas.getBoundingClientRect();
    canvas.width = Math.max(1, Math.round(box.width * ratio)); canvas.height = Math.max(1, Math.round(box.height * ratio));
    const brush = canvas.getContext("2d");
    brush.scale(ratio, ratio);
    return [brush, box.width, box.height];
  };
  const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const draw = row => {
    row.dataset.drawn = "yes";
    const index = Number(row.dataset.index), [brush, width, height] = sized(row.querySelector("canvas"));
    brush.fillStyle = colour(drops.has(index) ? "--clip-off" : "--clip");
    labels[index].clips.forEach((each, number) => {
      const start = each[0] / unit / length * width, end = each[1] / unit / length * width;
      const picked = index === chosen && number === clip;
      brush.fillRect(Math.min(start, width - 2), picked ? height * .15 : height * .28, Math.max(2, end - start), picked ? height * .7 : height * .44);
    });
  };

  const drawAxis = () => {
    const [brush, width, height] = sized(axis);
    brush.fillStyle = colour("--soft");
    brush.font = "11px system-ui, sans-serif";
    const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];
    const step = steps.find(each => each / length * width > 70) || length;
    for (let at = 0; at <= length; at += step) {
      const x = at / length * width;
      brush.fillRect(Math.min(x, width - 1), height - 4, 1, 4);
      if (x < width - 34) brush.fillText(time(at), x + 3, height - 5);
    }
  };

  const watch = new IntersectionObserver(entries => {
    for (const entry of entries) if (entry.isIntersecting && !entry.target.dataset.drawn) draw(entry.target);
  }, { root: rows, rootMargin: "200px" });

  const makeRows = () => {
    const wanted = by("filter").value.trim().toLocaleLowerCase();
    shown = labels.map((_, index) => index).filter(index => !wanted || labels[index].search.includes(wanted));
    const all = document.createDocumentFragment();
    for (const index of shown) {
      const row = document.createElement("div"), name = document.createElement("div"), about = document.createElement("span");
      row.className = "row"; row.id = `label-${index}`; row.dataset.index = String(index);
      row.setAttribute("role", "option"); row.setAttribute("aria-selected", String(index === chosen));
      name.className = "name"; about.className = "about";
      name.append(document.createTextNode(labels[index].name), about);
      row.append(name, document.createElement("canvas"));
      all.append(row);
    }
    watch.disconnect();
    rows.replaceChildren(all);
    const active = by(`label-${chosen}`);
    if (active) rows.setAttribute("aria-activedescendant", active.id); else rows.removeAttribute("aria-activedescendant");
    for (const row of rows.children) { describe(row); watch.observe(row); }
    by("count").textContent = say.shown(shown.length, labels.length);
  };

  const redraw = () => { drawAxis(); for (const row of rows.children) if (row.dataset.drawn) draw(row); place(); };
  const place = () => {
    const line = axis.getBoundingClientRect();
    playhead.style.left = `${line.left - by("rows-frame").getBoundingClientRect().left + Math.min(1, video.currentTime / length) * line.width}px`;
  };
  const run = () => { place(); if (!video.paused) requestAnimationFrame(run); };

  const seek = (index, number, play) => {
    const each = labels[index].clips[number];
    choose(index, number);
    if (!each || video.hidden) return;
    video.currentTime = Math.max(0, Math.min(each[0] / unit, video.duration || Infinity));
    if (play) video.play().catch(() => {});
    place();
  };
  const choose = (index, number) => {
    const old = rows.querySelector('[aria-selected="true"]');
    chosen = index; clip = number;
    if (old) { old.setAttribute("aria-selected", "false"); if (old.dataset.drawn) draw(old); }
    tellChosen();
    const row = by(`label-${index}`);
    if (!row) return;
    row.setAttribute("aria-selected", "true");
    rows.setAttribute("aria-activedescendant", row.id);
    row.scrollIntoView({ block: "nearest" });
    draw(row);
  };

  const setLength = () => {
    const known = Number.isFinite(video.duration) && video.duration > 0 ? video.duration : 0;
    unit = 1000; unitSays = "unitMs";
    if (known && longest) {
      // A clip may end a little behind the last frame.
      const fits = divisor => longest / divisor <= known * 1.02 + 1;
      if (fits(1) && longest / 1000 < known / 100) { unit = 1; unitSays = "unitS"; }
      else if (fits(1000)) unitSays = "unitMsFits";
      else unitSays = "unitNone";
    }
    length = Math.max(known, longest / unit, 1);
    by("unit").textContent = longest ? say[unitSays] : "";
    tellChosen();
    redraw();
  };

  const words = () => {
    say = WORDS[language];
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    for (const each of document.querySelectorAll("[data-say]")) each.textContent = say[each.dataset.say];
    by("language").textContent = say.other;
    by("filter").placeholder = say.filter; by("filter").setAttribute("aria-label", say.filter);
    by("no-video").textContent = data.video && !played ? say.noPlay : say.noVideo;
    by("expires").textContent = say.expires(data.expires);
    by("unit").textContent = longest ? say[unitSays] : "";
    by("task").textContent = data.task ? `${say.task} ${data.task}${data.start ? ` · ${say.taskStart} ${data.start}` : ""}` : "";
    by("keys").textContent = labels.length ? say.keys : say.noLabels;
    by("count").textContent = say.shown(shown.length, labels.length);
    tellChosen();
    showTags();
  };
  const withoutVideo = () => { video.hidden = true; by("expires").hidden = true; by("no-video").hidden = false; words(); };

  by("object").textContent = data.object || data.task;
  by("expires").hidden = !data.expires;
  by("unread").hidden = data.before !== null;
  by("spelt").hidden = !data.spelt;
  if (data.home) { by("home").href = data.home; by("home").hidden = false; }
  for (const label of labels) label.search = [label.name, label.alias, label.parent, label.key].join("\n").toLocaleLowerCase();
  // A slider rounds what it is given, so it is asked only when it is moved.
  const setSliders = () => { by("minimum").value = String(minimum); by("limit").value = String(limit); };
  for (const id of ["minimum", "limit"]) by(id).disabled = !writes;
  setSliders(); makeRows(); words(); setLength();

  by("minimum").addEventListener("input", () => { minimum = Number(by("minimum").value); showTags(); });
  by("limit").addEventListener("input", () => { limit = Number(by("limit").value); showTags(); });
  by("reset").addEventListener("click", () => { minimum = data.minimum; limit = data.limit; setSliders(); showTags(); });
  by("filter").addEventListener("input", makeRows);
  by("language").addEventListener("click", () => { language = language === "zh" ? "en" : "zh"; words(); });
  rows.addEventListener("click", event => {
    const row = event.target.closest(".row");
    if (!row) return;
    const index = Number(row.dataset.index), clips = labels[index].clips, box = row.querySelector("canvas").getBoundingClientRect();
    if (event.target.tagName !== "CANVAS" || !clips.length) { choose(index, 0); return; }
    const at = (event.clientX - box.left) / box.width * length * unit;
    const gap = each => at < each[0] ? each[0] - at : at > each[1] ? at - each[1] : 0;
    seek(index, clips.reduce((best, each, number) => gap(each) < gap(clips[best]) ? number : best, 0), true);
  });
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target === by("filter")) {
      if (event.key === "Escape") { event.preventDefault(); by("filter").value = ""; makeRows(); rows.focus(); }
      return;
    }
    if (event.key === "/") { event.preventDefault(); by("filter").focus(); return; }
    // These have keys of their own.
    if (["INPUT", "BUTTON", "VIDEO", "A"].includes(event.target.tagName)) return;
    const position = shown.indexOf(chosen), clips = chosen >= 0 ? labels[chosen].clips.length : 0;
    if (event.key === "ArrowDown" && shown.length) choose(shown[Math.min(position + 1, shown.length - 1)], 0);
    else if (event.key === "ArrowUp" && shown.length) choose(shown[Math.max(position - 1, 0)], 0);
    else if (event.key === "Home" && shown.length) choose(shown[0], 0);
    else if (event.key === "End" && shown.length) choose(shown[shown.length - 1], 0);
    else if (event.key === "ArrowRight" && clips) seek(chosen, Math.min(clip + 1, clips - 1), false);
    else if (event.key === "ArrowLeft" && clips) seek(chosen, Math.max(clip - 1, 0), false);
    else if (event.key === "Enter" && clips) seek(chosen, clip, true);
    else if (event.key === " " && !video.hidden) { if (video.paused) video.play().catch(() => {}); else video.pause(); }
    else return;
    event.preventDefault();
  });
  video.addEventListener("loadedmetadata", setLength);
  video.addEventListener("durationchange", setLength);
  video.addEventListener("timeupdate", place);
  video.addEventListener("seeked", place);
  video.addEventListener("play", run);
  video.addEventListener("error", () => { played = false; withoutVideo(); });
  window.addEventListener("resize", redraw);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  if (data.video) video.src = data.video; else withoutVideo();
})();
