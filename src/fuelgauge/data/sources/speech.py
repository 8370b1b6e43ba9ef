"""Loader of spoken words: recordings in a tar archive become log-mel spectra, a sequence for each recording.

Recordings are brought to one sampling rate and one channel, and each is scaled by its loudest sample. What is
shorter than the sequence is followed by silence, and what is longer is cut.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pyarrow as pa
from scipy.io import wavfile
from scipy.signal import ShortTimeFFT, resample_poly
from scipy.signal.windows import hann

from fuelgauge import paths
from fuelgauge.data.arrow import tensor
from fuelgauge.data.sources.archive import LIMIT, located
from fuelgauge.data.sources.public import downloaded, public_file
from fuelgauge.errors import DataError
from fuelgauge.files import write_whole

__all__ = ["Spectrum", "content_hash", "spoken", "waveform"]

SILENCE = 1e-6  # power that is added before the logarithm


@dataclass(frozen=True)
class Spectrum:
    """Settings of the log-mel spectrum.

    Parameters
    ----------
    rate
        Samples per second of the recordings after resampling.
    steps
        Number of time steps of a sequence.
    hop
        Samples from one step to the next.
    window
        Samples of the window of a step.
    bands
        Number of mel bands from 0 to half the rate.
    """

    rate: int = 8000
    steps: int = 64
    hop: int = 128
    window: int = 256
    bands: int = 32

    def of(self, wave: np.ndarray) -> np.ndarray:
        """Return the natural logarithm of the power in each band, float32, shape (steps, bands).

        Parameters
        ----------
        wave
            Samples between -1 and 1, shape (samples,).
        """
        length = self.steps * self.hop
        framed = np.zeros(length)
        framed[: min(length, len(wave))] = wave[:length]
        transform = ShortTimeFFT(hann(self.window, sym=False), self.hop, self.rate)
        power = np.abs(transform.stft(framed)) ** 2 / self.window
        first = (power.shape[1] - self.steps) // 2
        spectrum = self.filters() @ power[:, first : first + self.steps]
        return np.log(spectrum.T + SILENCE).astype(np.float32)

    def filters(self) -> np.ndarray:
        """Return triangular filters whose centres are evenly spaced in mel, shape (bands, frequencies).

        The mel of f hertz is 2595 log10(1 + f / 700) (O'Shaughnessy 1987).
        """
        top = 2595 * np.log10(1 + self.rate / 2 / 700)
        edges = 700 * (10 ** (np.linspace(0, top, self.bands + 2) / 2595) - 1)
        frequencies = np.linspace(0, self.rate / 2, self.window // 2 + 1)
        rising = (frequencies - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
        falling = (edges[2:, None] - frequencies) / (edges[2:] - edges[1:-1])[:, None]
        return np.clip(np.minimum(rising, falling), 0, None)


def spoken(file: Mapping[str, str], **spectrum: int) -> pa.Table:
    """Read recordings whose names are WORD_SPEAKER_NUMBER.wav, as in the Free Spoken Digit Dataset.

    Parameters
    ----------
    file
        The keys url, file and sha256 of a tar archive. The hash is that of the recordings (`content_hash`),
        so that it does not depend on how they are packed.
    spectrum
        Settings of the spectrum that differ from those of `Spectrum`.

    Returns
    -------
    pyarrow.Table
        Columns x (float32 sequences of shape (steps, bands)), word and speaker, sorted by name.

    Raises
    ------
    DataError
        The archive cannot be had or has other recordings, or a recording cannot be read.
    """
    settings = Spectrum(**spectrum)
    recordings = read_recordings(file)
    spectra = [settings.of(waveform(content, name, settings.rate)) for name, content in recordings.items()]
    names = [name.removesuffix(".wav").split("_") for name in recordings]
    return pa.table(
        {
            "x": tensor(np.stack(spectra)),
            "word": [parts[0] for parts in names],
            "speaker": [parts[1] for parts in names],
        }
    )


def read_recordings(file: Mapping[str, str]) -> dict[str, bytes]:
    """Return the recordings of an archive by their names, sorted, after their hash has been compared."""
    pinned = public_file(file)
    path = located(pinned.file, paths.ARCHIVES)
    packed = path.read_bytes() if path.is_file() else downloaded(pinned, paths.ARCHIVES)
    where = str(path) if path.is_file() else pinned.url
    try:
        recordings = dict(sorted(members(packed, where)))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(f"{where} is not a readable tar archive: {error}.") from error
    if (found := content_hash(recordings)) != pinned.sha256:
        raise DataError(
            f"{where}: the sha256 of its recordings is {found}, the pinned one is {pinned.sha256}."
        )
    if not path.is_file():
        write_whole(path, packed)
    return recordings


def members(packed: bytes, where: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each recording in a tar archive."""
    unpacked = 0
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isfile() else None
            name = member.name.rpartition("/")[2]
            if content is None or not name.endswith(".wav") or name.count("_") != 2:
                continue
            unpacked += member.size
            if unpacked > LIMIT:
                raise DataError(f"{where} unpacks to more than {LIMIT >> 20} MiB, the most that is read.")
            yield name, content.read()


def content_hash(recordings: Mapping[str, bytes]) -> str:
    """Return a SHA-256 of names and contents of recordings."""
    digest = hashlib.sha256()
    for name in sorted(recordings):
        digest.update(f"{name}\n".encode() + hashlib.sha256(recordings[name]).digest())
    return digest.hexdigest()


def waveform(content: bytes, name: str, rate: int) -> np.ndarray:
    """Return a recording as samples between -1 and 1 of one channel, at the given rate.

    Raises
    ------
    DataError
        The file is no WAV file, or holds no sample.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # such as a file that was cut short
            found, samples = wavfile.read(io.BytesIO(content))
    except Exception as error:  # the reader raises anything on a broken file
        raise DataError(f"{name} is not a readable WAV file: {error}.") from error
    if not len(samples):
        raise DataError(f"{name} holds no sample.")
    wave = samples.astype(np.float64)
    if samples.dtype == np.uint8:
        wave -= 128  # 8-bit samples are centred there
    if wave.ndim == 2:
        wave = wave.mean(axis=1)
    if found != rate:
        share = Fraction(rate, found)
        wave = resample_poly(wave, share.numerator, share.denominator)
    loudest = np.abs(wave).max()
    return wave / loudest if loudest > 0 else wave
