"""Spoken words: log-mel spectra of made recordings, and recordings that are not as they should be."""

import io
import tarfile

import numpy as np
import pytest
from scipy.io import wavfile

from fuelgauge import paths
from fuelgauge.config.objects import OTHER_FOLDER
from fuelgauge.data.arrow import to_array
from fuelgauge.data.sources.speech import Spectrum, content_hash, spoken, waveform
from fuelgauge.errors import DataError

RATE = 8000


def tone(hertz, seconds=0.5, rate=RATE, channels=1, dtype=np.int16, loud=8000):
    """Return the bytes of a WAV file with a pure tone."""
    wave = loud * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)
    samples = wave.astype(dtype) if channels == 1 else np.stack([wave] * channels, axis=1).astype(dtype)
    packed = io.BytesIO()
    wavfile.write(packed, rate, samples)
    return packed.getvalue()


def packed(recordings, kind="w:gz", folder="recordings"):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=kind) as tar:
        for name, wave in recordings.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(wave)
            tar.addfile(entry, io.BytesIO(wave))
    return content.getvalue()


@pytest.fixture
def archives(tmp_path, monkeypatch):
    monkeypatch.setenv(OTHER_FOLDER, str(tmp_path))
    monkeypatch.setattr(paths, "ARCHIVES", tmp_path / "none")
    return tmp_path


def loudest_band(spectrum):
    return spectrum.mean(axis=0).argmax()


def test_a_higher_tone_is_in_a_higher_band_and_silence_follows_it():
    low, high = (Spectrum().of(waveform(tone(hertz), "a", RATE)) for hertz in (300, 2500))
    assert low.shape == (64, 32)
    assert low.dtype == np.float32
    assert loudest_band(low) < loudest_band(high)
    quiet = low[40:]  # after half a second
    assert quiet == pytest.approx(np.log(1e-6), abs=0.01)


def test_the_filters_overlap_and_leave_no_gap():
    total = Spectrum().filters().sum(axis=0)
    assert (total[1:-20] > 0).all()
    assert Spectrum().filters().shape == (32, 129)


@pytest.mark.parametrize(
    "changed",
    [
        {"rate": 16_000},
        {"rate": 22_050},
        {"channels": 2},
        {"dtype": np.float32, "loud": 0.1},
        {"dtype": np.int32, "loud": 2**30},
    ],
)
def test_rate_channels_format_and_loudness_of_a_recording_do_not_matter(changed):
    usual = Spectrum().of(waveform(tone(700), "a", RATE))
    other = Spectrum().of(waveform(tone(700, **changed), "a", RATE))
    assert loudest_band(other) == loudest_band(usual)
    assert np.abs(other[2:28] - usual[2:28]).max() < 0.5


def test_a_silent_recording_is_finite_and_one_cut_short_is_read_as_far_as_it_goes():
    silent = Spectrum().of(waveform(tone(0), "a", RATE))
    assert silent == pytest.approx(np.log(1e-6))
    whole = tone(700)
    cut = waveform(whole[: len(whole) // 2], "a", RATE)
    assert 0 < len(cut) < len(waveform(whole, "a", RATE))
    for broken in (whole[:20], b"", b"no sound"):
        with pytest.raises(DataError, match="seven.wav is not a readable WAV file"):
            waveform(broken, "seven.wav", RATE)
    with pytest.raises(DataError, match="seven.wav holds no sample"):
        waveform(tone(700, seconds=0), "seven.wav", RATE)


def test_recordings_become_sequences_with_word_and_speaker(archives):
    recordings = {"7_anna_0.wav": tone(300), "1_bert_3.wav": tone(600), "1_anna_0.wav": tone(500)}
    (archives / "made.tar.gz").write_bytes(packed({**recordings, "notes.wav": b"", "README": b""}))
    pin = {
        "url": "https://example.org/made",
        "file": "made.tar.gz",
        "sha256": content_hash(recordings),
    }
    table = spoken(pin, steps=40)
    assert table["word"].to_pylist() == ["1", "1", "7"]
    assert table["speaker"].to_pylist() == ["anna", "bert", "anna"]
    assert to_array(table["x"]).shape == (3, 40, 32)
    (archives / "made.tar.gz").write_bytes(packed(recordings, "w:xz", "other/recordings"))
    assert spoken(pin, steps=40).equals(table)
    with pytest.raises(DataError, match="the sha256 of its recordings is"):
        spoken({**pin, "sha256": "0" * 64})
    (archives / "made.tar.gz").write_bytes(b"no archive")
    with pytest.raises(DataError, match="is not a readable tar archive"):
        spoken(pin)
