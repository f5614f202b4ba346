"""A participant's recordings as one video on the session's clock: its time is the time of the events.

The packets are those that the browser made; nothing is encoded anew. Between recorded steps there is nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.error import FFmpegError

from classmood.errors import OutputError

_MILLISECOND: Final = Fraction(1, 1000)


def join_film(parts: Sequence[tuple[float, Path]], target: Path) -> int:
    """Write one WebM of several.

    Args:
        parts: where each begins on the session's clock, in seconds, and its file; in order.
        target: the file to write.

    Returns:
        How many of the parts could be read; nothing is written where none could.

    Raises:
        OutputError: the video cannot be written.
    """
    read = 0
    last = -1
    try:
        with av.open(str(target), "w", format="webm") as sink:
            stream = None
            for start_s, path in parts:
                try:
                    with av.open(str(path)) as source:
                        origin = source.streams.video[0]
                        if stream is None:
                            stream = sink.add_stream_from_template(origin)
                        for packet in source.demux(origin):
                            if packet.pts is None or packet.time_base is None:
                                continue
                            time_s = start_s + float(packet.pts * packet.time_base)
                            last = max(last + 1, round(1000 * time_s))
                            packet.time_base = _MILLISECOND
                            packet.pts = packet.dts = last
                            packet.duration = 0
                            packet.stream = stream
                            sink.mux(packet)
                    read += 1
                except (FFmpegError, IndexError):
                    # What a kill left of a recording may be less than its beginning.
                    continue
    except (FFmpegError, OSError) as error:
        raise OutputError(f"{target}: the video cannot be written ({error}); choose another folder") from error
    finally:
        if not read:
            target.unlink(missing_ok=True)
    return read
