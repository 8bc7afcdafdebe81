"""Where data come from and what is made of them: raw files, prepared data, encoders, features, and their digests."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from exaggerated_replay.data.facts import check_colours
from exaggerated_replay.data.identity import content_of_file
from exaggerated_replay.data.values import check_values, values_in
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import digest_of, file_digest, no_such_file
from exaggerated_replay.places import DIGITS, ENCODER_WEIGHTS, ENCODERS, RAW
from exaggerated_replay.planning.encoder_file import check_weights
from exaggerated_replay.planning.study_plan import EncoderFacts, without_path
from exaggerated_replay.planning.versions import extraction_version, pretraining_version, reader_version, stated
from exaggerated_replay.settings.data import SourceSettings
from exaggerated_replay.settings.encoder import EncoderSettings, PretrainingSettings

IMAGES = "encoder.images"
"""The key of params.yaml under which an encoder's own data stand."""


@dataclass(frozen=True)
class Source:
    """One set of raw files, and what is made from it."""

    settings: SourceSettings
    content: str | None  # digest of its samples; None where that is known only once they are here
    digest: str

    @property
    def name(self) -> str:
        """Name and identity, as used in paths."""
        return self.named(self.settings, self.digest)

    @staticmethod
    def named(settings: SourceSettings, digest: str) -> str:
        """Return the name of what has these settings and this digest."""
        return f"{settings.name}-{digest[:DIGITS]}"

    @property
    def raw(self) -> list[Path]:
        """The raw files."""
        return list(self.raw_files.values())

    @property
    def raw_files(self) -> dict[str, Path]:
        """The raw files by their names."""
        if self.settings.own_file:
            own = Path(self.settings.own_file)
            return {own.name: own}
        return {file: RAW / self.settings.name / file for file in self.settings.files}

    def to_dict(self) -> dict[str, Any]:
        """Return what a plan's file says of it."""
        return {**without_path(self.settings), "samples": self.content, "sha256": self.digest}

    @property
    def prepared(self) -> Path:
        """The verified file that is made from them."""
        return Path("data/prepared", f"{self.name}.npz")


@dataclass(frozen=True)
class Encoder:
    """The encoder that turns images into features, and its place."""

    settings: EncoderSettings
    digest: str
    images: Source | None  # what it is trained on; None where its file is given

    @property
    def directory(self) -> Path:
        """Where its weights and record lie when it is trained here."""
        return Path("data/encoders", f"{self.settings.name}-{self.digest[:DIGITS]}")

    @property
    def facts(self) -> EncoderFacts:
        """What a study says of it."""
        settings = self.settings
        return EncoderFacts(
            name=settings.name,
            sha256=self.digest,
            **self.encoding,
            pretraining=settings.pretraining,
            published=settings.published,
        )

    @property
    def encoding(self) -> dict[str, Any]:
        """Those of the settings that make other features of the same weights."""
        return {key: getattr(self.settings, key) for key in ("architecture", "image_size", "deviation")}

    @property
    def weights(self) -> Path:
        """The file of its weights."""
        return Path(self.settings.weights or self.download or self.directory / ENCODER_WEIGHTS)

    @property
    def download(self) -> Path | None:
        """The published file, where it is to be fetched."""
        published = self.settings.published
        return ENCODERS / published.file if published and not self.settings.weights else None


def make_source(settings: SourceSettings, key: str = "dataset") -> Source:
    """Work out which raw files the settings mean, which lie under `key` in params.yaml.

    Raises:
        UserError: The user's file is missing, is not a usable data set, holds other samples than it should, or other
            values than the settings say.
    """
    content = content_of(settings, key)
    if settings.own_file and (settings.white, settings.deviation) != (None, None):
        values = values_in(Path(settings.own_file), f"{key}.source")
        check_values(values, settings.white, settings.deviation, key)
    return Source(settings, content, data_digest(settings, content))


def make_encoder(settings: EncoderSettings) -> Encoder:
    """Work out which encoder the settings mean; a given file needs no images.

    Raises:
        UserError: The encoder's file, or the user's file of images, is missing, or cannot be used.
    """
    images = make_source(settings.images, IMAGES) if settings.images else None
    encoder = Encoder(settings, encoder_digest(settings, images), images)
    if settings.weights is not None:
        check_weights(Path(settings.weights), settings.architecture)
    if images is not None:
        check_colours(images.settings, images.prepared, f"{IMAGES}.source", square=True)
    return encoder


def content_of(settings: SourceSettings, key: str) -> str | None:
    """Return the digest of the samples of a data set; None where the settings do not state it and no file tells.

    Raises:
        UserError: The user's file is missing, is not a usable data set, or holds other samples than it should.
    """
    if settings.own_file is None:
        return settings.content
    found = content_of_file(Path(settings.own_file), settings.own_reader, f"{key}.source", settings.white)
    if settings.content not in (None, found):
        raise UserError(
            f"{key}.source: {settings.own_file} does not hold the samples of {settings.title or settings.name}: choose "
            f"dataset=npz for data of your own, or set {key}.content=null to use it in their place"
        )
    return found


def data_digest(settings: SourceSettings, content: str | None) -> str:
    """Return the SHA-256 that identifies a data set, wherever its files lie.

    It is that of its samples. Of published files whose samples no setting states, it is taken from the checksums that
    they must have and from their reader. The share that is held out and the deviation that features are brought to are
    part of it where they are set, and the version of what makes data ready where it is above the first, which is later
    than the first names. A name decides nothing.
    """
    raw = content or digest_of({"files": settings.files, "code": reader_version(settings.reader)})
    made = {key: value for key in ("validation", "deviation") if (value := getattr(settings, key)) is not None}
    if (version := stated("data/prepare.py")) > 1:
        made["code"] = f"preparing {version}"
    return digest_of({"data": raw, **made}) if made else raw


def encoder_digest(encoder: EncoderSettings, images: Source | None) -> str:
    """Return the SHA-256 that identifies an encoder: of its file, or of all that decides its training.

    Args:
        encoder: Its settings.
        images: What it is trained on; None where its file is given.

    Raises:
        UserError: The encoder's file is missing, or is not what it should be.
    """
    published = encoder.published.checksum.partition(":")[2] if encoder.published else None
    if encoder.weights is not None:
        found = own_digest(Path(encoder.weights), "encoder.weights")
        if published not in (None, found):
            raise UserError(
                f"encoder.weights: {encoder.weights} is not the published file: set encoder.weights=null to fetch it, "
                "or encoder.published=null to use yours"
            )
        return found
    if published is not None:
        return published
    source = cast(Source, images)  # there where no weights are, and so is the pre-training
    return digest_of(
        {
            "images": [source.digest, source.settings.mean, source.settings.std],
            "pretraining": asdict(cast(PretrainingSettings, encoder.pretraining)),
            "code": pretraining_version(),
        }
    )


def own_digest(path: Path, key: str) -> str:
    """Return the SHA-256 of a file of the user's, which the setting `key` names.

    Raises:
        UserError: There is no such file.
    """
    if not path.is_file():
        raise no_such_file(key, path)
    return file_digest(path)


def features_digest(source: Source, encoder: Encoder) -> str:
    """Return the SHA-256 that identifies the features of a data set: images, encoder, and the version between."""
    return digest_of(
        {
            "images": [source.digest, source.settings.mean, source.settings.std],
            "encoder": [encoder.digest, encoder.encoding],
            "code": extraction_version(),
        }
    )
