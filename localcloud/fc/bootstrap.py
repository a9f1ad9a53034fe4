"""The Python runtime inside an instance: loads the handler, calls it, and reports how that ended.

Runs as a script in the function's own process, with the standard library alone, and is never imported by
the local cloud. It behaves like FC's runtime for Python 3.9, the one whose workings are known (help pages
functioncompute/event-handlers-1-1, …/error-handling-1-1 and …/context-1 for what is documented of 3.10 and
3.12): how a handler is found, what its result and its errors become, how lines of the log look.

It talks to its parent over one inherited socket, in messages of a JSON header and a body of bytes. The log
goes to standard output as it does in FC: prints as they are, records in frames that start with a mark.
"""

from __future__ import annotations

import sys

# FC's code directory is read-only, so a function never leaves byte code behind.
sys.dont_write_bytecode = True
# The directory of this script is no part of a function's import path.
if sys.path[0] == __file__.rpartition("/")[0]:
    del sys.path[0]

import contextlib  # noqa: E402
import importlib.machinery  # noqa: E402
import importlib.util  # noqa: E402
import json  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import struct  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
import traceback  # noqa: E402
from collections.abc import Callable, Iterable  # noqa: E402
from types import FrameType, ModuleType  # noqa: E402
from typing import Any, TextIO  # noqa: E402

LOG_FRAME = 0xEDDBAC9B
LOG_RECORD_LIMIT = 128 * 1024
SIGTERM_EXIT_CODE = 143
OUTPUT = 1

PHASES = {"invoke": "Invoke", "initialize": "Initialize", "pre_stop": "PreStop"}

Json = dict[str, Any]


class Parent:
    """The socket to the local cloud."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor

    def receive(self) -> tuple[Json, bytes]:
        """The next message; ends the process where the local cloud is gone."""
        header_size, body_size = struct.unpack("!II", self._read(8))
        header = json.loads(self._read(header_size))
        return header, self._read(body_size)

    def send(self, header: Json, body: bytes = b"") -> None:
        """Send a message."""
        encoded = json.dumps(header).encode()
        message = memoryview(struct.pack("!II", len(encoded), len(body)) + encoded + body)
        while message:
            message = message[os.write(self._descriptor, message) :]

    def _read(self, size: int) -> bytes:
        chunks = []
        while size:
            chunk = os.read(self._descriptor, min(size, 1 << 20))
            if not chunk:
                os._exit(0)
            chunks.append(chunk)
            size -= len(chunk)
        return b"".join(chunks)


class FlushedStream:
    """Standard output or error, written through at once; what exceeds the limit of a record is cut."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write and flush."""
        if text:
            self._stream.write(text[:LOG_RECORD_LIMIT])
            self._stream.flush()

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts and flush."""
        self._stream.writelines(lines)
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class FunctionLog:
    """The function's log: each record is one frame, so that it may have several lines."""

    def __init__(self) -> None:
        # A descriptor of its own: the function may close or redirect standard output.
        self._output = os.dup(OUTPUT)
        self._lock = threading.RLock()

    def log(self, text: str) -> None:
        """Append a record."""
        if len(text) > LOG_RECORD_LIMIT - 1:
            text = text[: LOG_RECORD_LIMIT - 2] + "\n"
        encoded = text.encode("utf-8", "surrogateescape")
        frame = memoryview(struct.pack("!II", LOG_FRAME, len(encoded)) + encoded)
        with self._lock:
            while frame:
                frame = frame[os.write(self._output, frame) :]


class FunctionLogHandler(logging.Handler):
    """The only handler of the root logger."""

    def __init__(self, sink: FunctionLog) -> None:
        super().__init__()
        self._sink = sink
        self.request_id = ""
        self.setFormatter(
            logging.Formatter(
                "%(asctime)s.%(msecs)03dZ %(fc_request_id)s [%(levelname)s] %(message)s\n",
                "%Y-%m-%dT%H:%M:%S",
            )
        )
        self.addFilter(self._add_request_id)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; as in FC, an error in formatting it reaches the function."""
        self._sink.log(self.format(record))

    def _add_request_id(self, record: logging.LogRecord) -> bool:
        record.fc_request_id = self.request_id
        return True


class Part:
    """A part of a context: its members as attributes."""

    def __init__(self, **members: Any) -> None:
        vars(self).update(members)

    def to_dict(self) -> Json:
        """The part in the context's JSON, whose names are in camel case."""
        return {_camel(name): value for name, value in vars(self).items()}


class Tracing(Part):
    """Nothing is traced here."""

    def __init__(self) -> None:
        super().__init__()
        self.span_context: str | None = None
        self.jaeger_endpoint: str | None = None
        self.span_baggages: Json = {}

    def to_dict(self) -> Json:
        """The part in the context's JSON, in which two members have longer names."""
        return {
            "openTracingSpanContext": self.span_context,
            "openTracingSpanBaggages": self.span_baggages,
            "jaegerEndpoint": self.jaeger_endpoint,
        }


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others)) if others else name


class _Context:
    def __init__(self, configuration: Json, request: Json) -> None:
        self.request_id: str = request["request_id"]
        self.region: str = configuration["region"]
        self.account_id: str = configuration["account_id"]
        self.logger: logging.Logger | None = None
        self.function = Part(
            name=configuration["function_name"],
            handler=request["handler"],
            memory=configuration["memory_size"],
            timeout=configuration["timeout"],
        )

    def getLogger(self) -> logging.Logger:  # noqa: N802
        """The root logger, as long as an instance serves one request at a time."""
        return logging.getLogger() if self.logger is None else self.logger


class Context310(_Context):
    """The context of python3.10 and older: with credentials."""

    def __init__(self, configuration: Json, request: Json) -> None:
        super().__init__(configuration, request)
        self.requestId = self.request_id
        key_id, secret, token = request["credentials"]
        self.credentials = Part(access_key_id=key_id, access_key_secret=secret, security_token=token)
        # The names that these had in Python 2.7.
        vars(self.credentials).update(self.credentials.to_dict())
        # The runtime takes these from HTTP headers and turns only the memory size into a number.
        self.function = Part(**{**vars(self.function), "timeout": str(configuration["timeout"])})
        # The service of FC 2.0: FC 3.0 has none, but the object remains.
        self.service = Part(
            name="",
            log_project=configuration["log_project"],
            log_store=configuration["log_store"],
            qualifier="LATEST",
            version_id="",
        )
        self.retry_count = str(request["retry_count"])
        self.tracing = Tracing()

    def to_json(self) -> str:
        """The context as JSON, secrets included."""
        return json.dumps(
            {
                "requestId": self.request_id,
                "credentials": self.credentials.to_dict(),
                "function": self.function.to_dict(),
                "service": self.service.to_dict(),
                "region": self.region,
                "accountId": self.account_id,
                "retryCount": self.retry_count,
                "tracing": self.tracing.to_dict(),
            }
        )


class Context312(_Context):
    """The context of python3.12: without credentials, service, tracing and retry_count."""

    def __init__(self, configuration: Json, request: Json) -> None:
        super().__init__(configuration, request)
        vars(self.function).update(version_id="", qualifier="LATEST")
        self.log_project: str = configuration["log_project"]
        self.log_store: str = configuration["log_store"]


class HandlerFailed(Exception):
    """A handler could not be loaded; carries the error as the caller gets it."""

    def __init__(self, error: Json) -> None:
        super().__init__(error["errorMessage"])
        self.error = error


class Loader:
    """Finds handlers in the code directory; a handler that was found once is kept."""

    def __init__(self, code: str) -> None:
        self._code = code
        self._handlers: dict[str, Callable[..., Any]] = {}

    def load(self, handler: str) -> Callable[..., Any]:
        """The function behind a handler's name; raises HandlerFailed."""
        if handler not in self._handlers:
            self._handlers[handler] = self._find(handler)
        return self._handlers[handler]

    def _find(self, handler: str) -> Callable[..., Any]:
        try:
            module_name, function_name = handler.rsplit(".", 1)
        except ValueError as error:
            raise HandlerFailed(_load_error(error, handler)) from None
        try:
            module = sys.modules.get(module_name) or self._import(module_name)
        except Exception as error:
            raise HandlerFailed(_load_error(error, module_name)) from None
        try:
            function: Callable[..., Any] = getattr(module, function_name)
        except AttributeError:
            message = f"Handler '{function_name}' is missing on module '{module_name}'"
            raise HandlerFailed(_error("HandlerNotFound", message, _exception_lines())) from None
        return function

    def _import(self, module_name: str) -> ModuleType:
        """Import one module by its place alone: no parent package is imported before it."""
        directory, _, dotted = module_name.rpartition("/")
        spec = None
        search = [os.path.join(self._code, directory)]  # noqa: PTH118
        for segment in dotted.split("."):
            spec = importlib.machinery.PathFinder.find_spec(segment, search)
            if spec is None or spec.origin is None or not spec.has_location:
                raise ImportError(f"No module named {segment!r}", name=segment)
            search = list(spec.submodule_search_locations or [])
        assert spec is not None and spec.origin is not None, "split gives at least one segment"
        places = spec.submodule_search_locations
        spec = importlib.util.spec_from_file_location(
            module_name, spec.origin, submodule_search_locations=list(places) if places else None
        )
        assert spec is not None and spec.loader is not None, "PathFinder found a loader for this file"
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(module_name, None)
            raise
        return module


def _load_error(error: Exception, module_name: str) -> Json:
    """What the caller gets where a module cannot be imported, or where its name is none."""
    if isinstance(error, ImportError):
        kind, message = "ImportModuleError", f"Unable to import module '{module_name}'"
    elif isinstance(error, SyntaxError):
        kind, message = "UserCodeSyntaxError", f"Syntax error in module '{module_name}'"
    elif isinstance(error, ValueError):
        # Any ValueError while the module was imported, too.
        kind, message = "InvalidHandleName", f"Invalid handler '{module_name}'"
    else:
        kind, message = "UserCodeError", f"Module initialization error: '{error}'"
    return _error(kind, message, _exception_lines())


def _exception_lines() -> list[str]:
    """The last lines of the exception that is being handled, flat; places are split at commas."""
    kind, value, _ = sys.exc_info()
    found = []
    for index, entry in enumerate(traceback.format_exception_only(kind, value)):
        for line in entry.split("\n"):
            parts = [line] if index else line.split(",")
            found += [part.replace("^", "").strip() for part in parts]
    return [line for line in found if line]


def _error(kind: str, message: str, trace: list[Any]) -> Json:
    return {"errorMessage": message, "errorType": kind, **({"stackTrace": trace} if trace else {})}


def _raised(error: BaseException, skip: int = 0) -> str:
    """An exception of the function as the caller gets it; ``skip`` are the frames of this script.

    A frame is its place, split at commas, and its source line, which is empty without sources.
    """
    frames = []
    for entry in traceback.format_tb(error.__traceback__)[skip:]:
        place, source = entry.split("\n")[:2]
        frames.append([*(column.strip() for column in place.split(",")), source.strip()])
    return to_json(_error(type(error).__name__, str(error), frames))


def _serializable(value: Any) -> Any:
    from datetime import date
    from decimal import Decimal

    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "to_json"):
        return value.to_json()
    raise TypeError(f"{value!r} is not JSON serializable")


def to_json(value: Any) -> str:
    """JSON as the runtime writes it."""
    return json.dumps(value, default=_serializable, indent=4, sort_keys=True)


class Runtime:
    """Serves the requests of one instance, one after the other."""

    def __init__(self, parent: Parent, configuration: Json) -> None:
        self._parent = parent
        self._configuration = configuration
        self._sink = FunctionLog()
        self._records = FunctionLogHandler(self._sink)
        self._loader = Loader(configuration["code"])
        self._streams = (sys.stdout, sys.stderr)
        self._context = Context310 if configuration["runtime"] == "python3.10" else Context312

    def start(self) -> None:
        """Take over logging and termination, and say that the instance is ready."""
        logging.Formatter.converter = time.gmtime
        root = logging.getLogger()
        root.handlers = [self._records]
        root.setLevel(logging.INFO)
        signal.signal(signal.SIGTERM, self._dump_stacks)
        self._sink.log("FunctionCompute python3 runtime inited.\n")
        self._parent.send({"kind": "ready"})

    def serve(self) -> None:
        """Serve requests until the process is ended."""
        while True:
            request, event = self._parent.receive()
            request_id = request["request_id"]
            phase = PHASES[request["kind"]]
            self._records.request_id = request_id
            self._sink.log(f"FC {phase} Start RequestId: {request_id}\n")
            try:
                succeeded, body = self._run(request, event)
                encoded = body if isinstance(body, bytes) else body.encode()
            except Exception as error:
                succeeded = False
                encoded = _raised(error).encode()
            if not succeeded:
                logging.getLogger().error(encoded.decode())
            self._flush()
            suffix = "" if succeeded else ", Error: Unhandled function error"
            self._sink.log(f"FC {phase} End RequestId: {request_id}{suffix}\n")
            self._parent.send({"kind": "done", "succeeded": succeeded, "memory": _peak_memory()}, encoded)

    def _run(self, request: Json, event: bytes) -> tuple[bool, str | bytes]:
        context = self._context(self._configuration, request)
        try:
            function = self._loader.load(request["handler"])
        except HandlerFailed as failure:
            return False, to_json(failure.error)
        try:
            result = function(event, context) if request["kind"] == "invoke" else function(context)
        except Exception as error:
            # The first frame is the call above.
            return False, _raised(error, skip=1)
        if isinstance(result, (str, bytes)):
            return True, result
        try:
            return True, to_json(result)
        except TypeError as error:
            return False, _raised(error)

    def _flush(self) -> None:
        """Write out what the function left in the buffers below its standard streams."""
        for stream in self._streams:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()

    def _dump_stacks(self, _number: int, _frame: FrameType | None) -> None:
        logger = logging.getLogger()
        logger.error("Dumping stack trace after function timeout")
        for thread_id, stack in sys._current_frames().items():
            logger.error(f"request id = {self._records.request_id}, thread id = {thread_id}")
            logger.error(traceback.format_stack(stack))
        sys.exit(SIGTERM_EXIT_CODE)


def _peak_memory() -> float:
    """The most memory that the process ever held, in MB."""
    try:
        with open("/proc/self/status", "rb") as status:  # noqa: PTH123
            for line in status:
                if line.startswith(b"VmHWM:"):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    import resource

    # Without /proc this is macOS, which counts in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024)


def _import_path(code: str, layer: str | None) -> list[str]:
    """What stands before the standard library: the code first, then the layer."""
    if layer is None:
        return [code]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return [code, f"{layer}/python/lib/{version}/site-packages", f"{layer}/python"]


def _restore_builtins() -> None:
    """Give back what the site module would have given: exit, quit, copyright, credits, license, help."""
    import site

    site.setquit()
    site.setcopyright()
    site.sethelper()


def main() -> None:
    """Run the instance."""
    # A process group of its own, so that the local cloud can freeze and end all of the function's
    # processes, and in the same session, so that the system ends a frozen group whose parent is gone.
    os.setpgid(0, 0)
    parent = Parent(int(sys.argv.pop()))
    configuration, _ = parent.receive()
    _restore_builtins()
    sys.path[:0] = _import_path(configuration["code"], configuration["layer"])
    sys.stdout = FlushedStream(sys.stdout)
    sys.stderr = FlushedStream(sys.stderr)
    runtime = Runtime(parent, configuration)
    runtime.start()
    runtime.serve()


if __name__ == "__main__":
    main()
