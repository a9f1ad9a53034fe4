"use strict";
(() => {
  const WORDS = {
    en: {
      other: "中文", objects: "Objects", tasks: "Tasks", invocations: "Invocations", kept: "Kept events",
      live: "What the local cloud holds, the newest first, as it happens.", gone: "The local cloud does not answer any more.",
      none: "none", first: (shown, all) => shown < all ? `the newest ${shown} of ${all}` : String(all),
      bytes: size => size === 1 ? "1 byte" : `${size.toLocaleString("en")} bytes`, labels: count => count === 1 ? "1 label" : `${count} labels`,
      attempt: number => `attempt ${number}`, cold: "cold start", noLog: "It logged nothing.", unreadable: "cannot be read",
    },
    zh: {
      other: "English", objects: "对象", tasks: "任务", invocations: "调用", kept: "保留的失败事件",
      live: "本地云中的内容，最新的在前，实时更新。", gone: "本地云已无响应。",
      none: "无", first: (shown, all) => shown < all ? `最新 ${shown} 个，共 ${all} 个` : String(all),
      bytes: size => `${size.toLocaleString("zh")} 字节`, labels: count => `${count} 个标签`,
      attempt: number => `第 ${number} 次尝试`, cold: "冷启动", noLog: "没有日志。", unreadable: "无法读取",
    },
  };
  const EVERY = 1000;
  const by = id => document.getElementById(id);
  let language = (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
  let say = WORDS[language], lists = null, version = "", answers = true;
  const open = new Set(), logs = new Map();

  // Whatever others have named is put in as text.
  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };
  const row = (...cells) => {
    const made = element("tr");
    for (const cell of cells) { const td = cell instanceof HTMLTableCellElement ? cell : element("td"); if (td !== cell) td.append(...[cell].flat()); made.append(td); }
    return made;
  };
  const link = uri => {
    const made = element("a", uri);
    made.href = `/video?uri=${encodeURIComponent(uri)}`;
    made.dataset.key = uri;
    return made;
  };

  const objectRow = each => row(
    element("td", each.time, "time"),
    [link(each.uri), document.createTextNode(` ${say.bytes(each.size)}`)],
    each.tags.map(([key, value]) => element("span", `${key}=${value}`, "tag")),
  );
  const taskRow = each => row(
    element("td", each.time.slice(0, 19).replace("T", " ") + "Z", "time"),
    [document.createTextNode(each.id), element("span", ` ${each.project}`, "note")],
    [element("span", each.status, each.status === "Failed" ? "bad" : ""), document.createTextNode(` ${each.message || say.labels(each.labels)}`)],
    each.object.startsWith("oss://") ? link(each.object) : document.createTextNode(each.object),
  );
  const keptRow = each => row(
    element("td", each.time, "time"), [element("span", each.error || say.unreadable, "bad")],
    [element("span", each.uri), element("br"), element("span", each.message, "note")],
  );

  const key = each => `${each.function}/${each.request}/${each.attempt}/${each.time}`;
  const showLog = async (each, pre) => {
    const place = key(each);
    if (!logs.has(place)) {
      const query = new URLSearchParams({ function: each.function, request: each.request });
      const answer = await fetch(`/log?${query}`);
      logs.set(place, await answer.json());
    }
    pre.textContent = logs.get(place).join("\n") || say.noLog;
  };
  const invocation = each => {
    const made = element("details"), summary = element("summary"), pre = element("pre"), place = key(each);
    const facts = [each.function, each.ends.join(", "), `${each.milliseconds} ms`, each.cold ? say.cold : "", each.attempt > 1 ? say.attempt(each.attempt) : "", each.request];
    summary.append(element("span", each.time, "time"), element("span", facts.filter(Boolean).join(" · "), each.error ? "bad" : ""));
    summary.dataset.key = place;
    made.append(summary, pre);
    made.open = open.has(place);
    if (made.open) showLog(each, pre).catch(() => {});
    made.addEventListener("toggle", () => {
      if (made.open) { open.add(place); showLog(each, pre).catch(() => {}); } else open.delete(place);
    });
    return made;
  };

  const fill = (name, into, make) => {
    const { items, count } = lists[name];
    by(`${name}-count`).textContent = count ? say.first(items.length, count) : say.none;
    into.replaceChildren(...items.map(make));
  };
  const show = () => {
    say = WORDS[language];
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    for (const each of document.querySelectorAll("[data-say]")) each.textContent = say[each.dataset.say];
    by("language").textContent = say.other;
    by("state").textContent = answers ? say.live : say.gone;
    if (!lists) return;
    const focused = document.activeElement?.dataset.key;
    fill("objects", by("objects").tBodies[0], objectRow);
    fill("tasks", by("tasks").tBodies[0], taskRow);
    fill("invocations", by("invocations"), invocation);
    fill("kept", by("kept").tBodies[0], keptRow);
    if (focused !== undefined) [...document.querySelectorAll("[data-key]")].find(each => each.dataset.key === focused)?.focus();
  };

  const look = async () => {
    try {
      const answer = await fetch("/contents", { headers: version ? { "If-None-Match": version } : {}, cache: "no-store" });
      const changed = answer.status === 200;
      if (changed) { version = answer.headers.get("ETag") || ""; lists = await answer.json(); }
      if (changed || !answers) { answers = true; show(); }
    } catch {
      if (answers) { answers = false; show(); }
    }
    setTimeout(look, EVERY);
  };
  by("language").addEventListener("click", () => { language = language === "zh" ? "en" : "zh"; show(); });
  show();
  look();
})();
