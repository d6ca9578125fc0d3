"""A store: objects by their SHA-256 in a directory, a bucket, or any other file system of fsspec."""

from __future__ import annotations

import hashlib
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from harness.core.errors import HarnessError, UnreadableError, UnwritableError
from harness.core.storage.remote.names import digest_named, object_name
from harness.core.storage.remote.retry import Attempts, Patience, repeated
from harness.core.storage.remote.threads import in_threads
from harness.core.storage.remote.trouble import Absent, Cancelled, OtherSize, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path
    from typing import TypeVar

    from harness.core.storage.remote.kinds.access import Access

    Result = TypeVar("Result")

_FEW = 64
"""Up to so many sizes are asked for one by one; of more, the store is listed."""
_AT_A_TIME = 16


class ObjectMissingError(UnreadableError):
    """The store was reached and does not have this object."""


class StoredObject(NamedTuple):
    """An object of a store.

    Attributes
    ----------
    sha256 : str
        ``sha256:`` and 64 hex digits: its name, not what its bytes were found to have.
    size : int
        Bytes.
    modified : float or None
        When it was stored, in seconds since 1970, if the store knows it.
    """

    sha256: str
    size: int
    modified: float | None


class Store:
    """Objects by their SHA-256. They are written once, and never changed.

    Parameters
    ----------
    url : str
        What messages show.
    access : Access
        How it is reached.
    patience : Patience
        How long and how often.
    stopped : threading.Event, optional
        Ends all transfers; the one that *access* has.

    Attributes
    ----------
    url : str
        Without credentials.
    access : Access
    patience : Patience
    stopped : threading.Event
        Set it to end all transfers.
    """

    def __init__(
        self, url: str, access: Access, patience: Patience, stopped: threading.Event | None = None
    ) -> None:
        self.url = url
        self.access, self.patience = access, patience
        self.stopped = stopped or threading.Event()
        self._is_down = False

    def sizes(self, digests: Collection[str]) -> dict[str, int]:
        """Return the sizes in bytes of those objects that the store has.

        Parameters
        ----------
        digests : collection of str
            ``sha256:...``. Of few, each is asked for; of many, the store is listed.

        Raises
        ------
        UnreadableError
            If the store cannot be asked.
        """
        if len(digests) > _FEW and self.can_list:
            wanted = set(digests)
            return {item.sha256: item.size for item in self.objects() if item.sha256 in wanted}
        names = {object_name(digest): digest for digest in digests}
        failed: list[HarnessError] = []
        found = in_threads(lambda name: self._size(name, failed), list(names), _AT_A_TIME, self.stopped)
        if failed:
            raise failed[0]
        sized = dict(item for item in found if not isinstance(item, HarnessError))
        return {names[name]: size for name, size in sized.items() if size is not None}

    @property
    def can_list(self) -> bool:
        """Whether the store can list its objects. One that is read by https cannot."""
        return getattr(self.access, "can_list", True)

    def prepare(self) -> None:
        """Make the directory of a store that is one: before the store is asked what a push would send.

        Raises
        ------
        UnwritableError
            If it cannot be made, or the store is only read.
        """
        try:
            self.access.prepare()
        except Trouble as trouble:
            raise UnwritableError(
                self.url,
                expected="a store that can be written",
                found=trouble.found,
                message=f"the store {self.url} cannot be written: it is {trouble.found}"
                if not self.can_list
                else f"the store {self.url} cannot be written: {trouble.found}",
                remedy="Correct that, then run `harness push` again.",
            ) from None

    def put(self, path: Path, sha256: str, *, on_bytes: Callable[[int], object] = lambda _: None) -> None:
        """Store a file, unless the object is there. It has its name only when all its bytes are stored.

        Parameters
        ----------
        path : Path
        sha256 : str
            The digest that its bytes have.
        on_bytes : callable
            Called with the number of further bytes that are stored, sometimes negative: their sum is the
            file's size in the end.

        Raises
        ------
        UnwritableError
            If the store does not take it, or the file's bytes have another digest, or the store has an
            object of this name with another size.
        """
        name = object_name(sha256)
        self.prepare()
        sent: list[int] = []
        try:
            size = path.stat().st_size
            if not self._stored(name, size):
                self._repeated(
                    lambda: self._put(path, name, sha256, lambda count: _noted(count, sent, on_bytes))
                )
                self._require_stored(name, size)
        except OSError as error:
            on_bytes(-sum(sent))
            raise self._unwritable(sha256, f"{path}: {error.strerror or error}") from error
        except Trouble as trouble:
            on_bytes(-sum(sent))
            raise self._unwritable(sha256, trouble.found) from None
        on_bytes(size - sum(sent))

    def _put(self, path: Path, name: str, sha256: str, on_bytes: Callable[[int], object]) -> None:
        try:
            self.access.put(path, name, sha256, on_bytes)
        except Trouble as trouble:
            if not (
                trouble.again and self._stored(name, path.stat().st_size)
            ):  # by another process, in the meantime
                raise

    def _stored(self, name: str, size: int) -> bool:
        """Whether the store has an object; raise if it has another size."""
        return self._repeated(lambda: self._stored_now(name, size))

    def _stored_now(self, name: str, size: int) -> bool:
        found = self.access.size(name)
        if found not in {None, size}:
            raise OtherSize(
                f"an object of this name with {found} bytes instead of {size}; it was not changed"
            )
        return found == size

    def _require_stored(self, name: str, size: int) -> None:
        if not self._stored(name, size):
            raise Trouble("no object after it was stored", again=False)

    def blocks(self, sha256: str, size: int) -> Iterator[bytes]:
        """Yield an object's bytes in blocks. What is not whole, or has another digest, ends in an error.

        Requests that fail are repeated, from where they stopped.

        Parameters
        ----------
        sha256 : str
            ``sha256:...``.
        size : int
            Bytes that it has to have.

        Raises
        ------
        ObjectMissingError
            If the store does not have it.
        UnreadableError
            If it cannot be read, or not in time, or has another size or digest. The message says what came.
        """
        state = hashlib.sha256()
        reading = self.reading(sha256, size)
        for block in reading:
            state.update(block)
            yield block
        reading.require_digest(f"sha256:{state.hexdigest()}")

    def require_running(self) -> None:
        """Raise :class:`UnreadableError` if the transfers were stopped."""
        if self.stopped.is_set():
            raise self._unlisted(Cancelled().found)

    def reading(self, sha256: str, size: int, start: int = 0) -> Reading:
        """Return an object's blocks from byte *start* on, whose digest the caller compares."""
        return Reading(self, sha256, size, start)

    def objects(self) -> Iterator[StoredObject]:
        """Yield all objects of the store. Files with other names than objects have are left out.

        Raises
        ------
        UnreadableError
            If the store cannot be listed.
        """
        try:
            for item in self.access.listing():
                sha256 = digest_named(item.name)
                if sha256 is not None:
                    yield StoredObject(sha256, item.size, item.modified)
        except Trouble as trouble:
            raise self._unlisted(trouble.found) from None

    def remove(self, sha256: str) -> None:
        """Remove an object, if it is there.

        Raises
        ------
        UnwritableError
            If it cannot be removed.
        """
        name = object_name(sha256)
        try:
            self._repeated(lambda: self.access.remove(name))
        except Trouble as trouble:
            raise self._unwritable(sha256, trouble.found) from None

    def _size(self, name: str, failed: list[HarnessError]) -> tuple[str, int | None]:
        """Return a name with its size. After one has failed, the others are not asked for."""
        if failed:
            raise failed[0]
        try:
            return name, self._repeated(lambda: self.access.size(name))
        except Trouble as trouble:
            failed.append(self._unlisted(trouble.found))
            raise failed[0] from None

    def _repeated(self, call: Callable[[], Result]) -> Result:
        with self.attempts() as attempts:
            return repeated(call, attempts)

    @contextmanager
    def attempts(self) -> Iterator[Attempts]:
        """Count attempts in the block: only one, if the store has just failed all of those before."""
        patience = self.patience._replace(tries=1) if self._is_down else self.patience
        try:
            yield Attempts(patience, self.stopped)
        except Trouble as trouble:
            self._is_down = trouble.again and not isinstance(trouble, OtherSize)
            raise
        self._is_down = False

    def unreadable(self, sha256: str, found: str) -> UnreadableError:
        """Return the error of an object that did not come as it should."""
        return UnreadableError(
            sha256,
            expected=f"the object in {self.url}",
            found=found,
            message=f"object {sha256} of the store {self.url} could not be read: it gave {found}",
            remedy="Nothing was changed. Try again; if it stays so, check the store and your access to it.",
        )

    def missing(self, sha256: str, found: str) -> ObjectMissingError:
        """Return the error of an object that the store does not have."""
        return ObjectMissingError(
            sha256,
            expected=f"the object in {self.url}",
            found=found,
            message=f"the store {self.url} does not have object {sha256} ({found})",
            remedy="Run `harness push` where the golden file is.",
        )

    def _unwritable(self, sha256: str, found: str) -> UnwritableError:
        return UnwritableError(
            sha256,
            expected=f"the object in {self.url}",
            found=found,
            message=f"object {sha256} could not be stored in {self.url}: {found}",
            remedy="Correct that, then run `harness push` again: what is stored is not sent again.",
        )

    def _unlisted(self, found: str) -> HarnessError:
        return UnreadableError(
            self.url,
            expected="a list of its objects",
            found=found,
            message=f"the store {self.url} could not be asked what it has: it gave {found}",
            remedy="Nothing was changed. Try again; if it stays so, check the store and your access to it.",
        )


def _noted(count: int, sent: list[int], on_bytes: Callable[[int], object]) -> None:
    sent.append(count)
    on_bytes(count)


class Reading:
    """An object's blocks, as they come; requests are repeated from where they stopped.

    Attributes
    ----------
    requests : int
        How many there were: with more than one, the bytes may be of two versions of the object.
    """

    def __init__(self, store: Store, sha256: str, size: int, start: int) -> None:
        self._store, self._sha256, self._size = store, sha256, size
        self.requests = 0
        self._at = start
        self._answers: list[str] = []

    def require_digest(self, found: str) -> None:
        """Raise :class:`UnreadableError` unless what came has the digest of the object."""
        if found != self._sha256:
            which = "; then ".join(dict.fromkeys(self._answers))
            raise self._store.unreadable(
                self._sha256, f"other bytes, of digest {found}" + (f" ({which})" if which else "")
            )

    def __iter__(self) -> Iterator[bytes]:
        """Yield the blocks. Raises as :meth:`Store.blocks`, but compares no digest."""
        try:
            yield from self._blocks(object_name(self._sha256))
        except Absent as trouble:
            raise self._store.missing(self._sha256, trouble.found) from None
        except Trouble as trouble:
            raise self._store.unreadable(self._sha256, self._found(trouble)) from None

    def _blocks(self, name: str) -> Iterator[bytes]:
        with self._store.attempts() as attempts:
            yield from self._requests(name, attempts)

    def _found(self, trouble: Trouble) -> str:
        """Return what came, with how much came before."""
        far = f"{self._at} of {self._size} bytes"
        return f"{trouble.found}, after {far}" if self._at and far not in trouble.found else trouble.found

    def _requests(self, name: str, attempts: Attempts) -> Iterator[bytes]:
        while self._at < self._size or not (self._at or self.requests):  # an empty object is asked for, too
            try:
                for block in self._one_request(name, self._at):
                    self._at += len(block)
                    yield block
                    attempts.arrived(len(block))
            except Trouble as trouble:  # noqa: PERF203 - an attempt costs a request
                attempts.failed(trouble)

    def _one_request(self, name: str, at: int) -> Iterator[bytes]:
        """Yield what one request brings; raise unless that is the rest of the object."""
        self.requests += 1
        for block in self._store.access.read(name, at, self._size, self._answers.append):
            at += len(block)
            if self._store.stopped.is_set():
                raise Cancelled
            if at > self._size:
                raise Trouble(f"more than {self._size} bytes", again=False)
            yield block
        if at < self._size:
            raise Trouble(f"{at} of {self._size} bytes")
