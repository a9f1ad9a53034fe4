"""A notification that MNS wrote as XML: the default format of a topic's subscription for a queue.

Source: help.aliyun.com/document_detail/27482.html (NotifyContentFormat). Its sample misspells ``xmlns``, so
the namespace is not looked at.
"""

from __future__ import annotations

from xml.parsers import expat

from imm_label_tags.errors import InvalidNotification

# MNS writes two levels. Elements that it may add are passed over, but not at any depth.
MAX_DEPTH = 16


def message_of(text: str) -> str:
    """The text of ``Message`` in ``<Notification>``.

    A document type is refused, and with it every entity and every reference to another document. Raises
    InvalidNotification.
    """
    reader = _Reader()
    # The encoding that is given here wins over the one that the document declares.
    parser = expat.ParserCreate("utf-8", " ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.refuse_document_type
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.read
    try:
        parser.Parse(text.encode("utf-8"), True)
    except (expat.ExpatError, UnicodeEncodeError):
        raise InvalidNotification("The event begins like XML and is none.") from None
    if reader.message is None:
        raise InvalidNotification("The XML notification of an MNS topic has no Message.")
    return reader.message


class _Reader:
    """Follows the elements down to the one ``Message``, and keeps the text of that one alone."""

    def __init__(self) -> None:
        self.message: str | None = None
        self._depth = 0
        self._pieces: list[str] | None = None

    def refuse_document_type(self, *_: object) -> None:
        raise InvalidNotification("The XML of the event declares a document type, which MNS never does.")

    def start(self, name: str, _: object) -> None:
        self._depth += 1
        name = name.rpartition(" ")[2]
        if self._depth == 1 and name != "Notification":
            raise InvalidNotification("The event is XML, but no notification of an MNS topic.")
        if self._depth > MAX_DEPTH:
            raise InvalidNotification(f"The XML of the event is more than {MAX_DEPTH} elements deep.")
        if self._pieces is not None:
            raise InvalidNotification("The Message of an XML notification holds elements in place of text.")
        if self._depth == 2 and name == "Message":
            if self.message is not None:
                raise InvalidNotification("The XML notification of an MNS topic has more than one Message.")
            self._pieces = []

    def end(self, _: str) -> None:
        self._depth -= 1
        if self._pieces is not None:
            self.message, self._pieces = "".join(self._pieces), None

    def read(self, text: str) -> None:
        if self._pieces is not None:
            self._pieces.append(text)
