"""What became of the members of an archive: each is a list, a recording that gave clips, or a row of quarantine."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from stages.tables.clips import Format
from stages.tables.quarantine import BY_DESIGN

Row = dict[str, object]  # column of quarantine -> value
REASONS_SHOWN = 10


class TallyError(ValueError):
    """Members vanished, or too many of them cannot be used."""


@dataclass
class Tally:
    """Counts of one shard, or the sums of all of them."""

    parts: list[dict[str, object]] = field(default_factory=list)  # entries of the manifest of clips
    formats: Counter[Format] = field(default_factory=Counter)  # recordings that gave clips
    words: Counter[str] = field(default_factory=Counter)  # of the same
    refusals: list[Row] = field(default_factory=list)
    n_lists: int = 0
    n_clips: int = 0
    n_samples: int = 0  # of sound in clips, without padding
    n_cropped: int = 0
    n_silent_windows: int = 0

    def add(self, other: "Tally") -> None:
        """Add what another shard gave."""
        for name, value in vars(other).items():
            if isinstance(value, Counter):
                getattr(self, name).update(value)
            else:
                setattr(self, name, getattr(self, name) + value)

    @property
    def n_members(self) -> int:
        """Members that are accounted for."""
        return self.n_lists + self.formats.total() + len(self.refusals)

    @property
    def bad(self) -> list[Row]:
        """The refusals of what should have been sound."""
        return [row for row in self.refusals if row["reason"] not in BY_DESIGN]

    def metrics(self, sample_rate_hz: int) -> dict[str, object]:
        """Return the counts as tracked: members = lists + recordings + quarantine."""
        return {
            "n_members": self.n_members,
            "n_lists": self.n_lists,
            "n_recordings": self.formats.total(),
            "n_quarantine": len(self.refusals),
            "n_clips": self.n_clips,
            "clip_hours": round(self.n_samples / sample_rate_hz / 3600, 6),
            "n_recordings_cropped": self.n_cropped,
            "n_silent_windows": self.n_silent_windows,
            "quarantine": dict(sorted(Counter(str(row["reason"]) for row in self.refusals).items())),
        }

    def reasons(self) -> list[tuple[str, str, str, int]]:
        """Return (word, official_part, reason, recordings) of all that was refused."""
        counts = Counter((str(row["word"]), str(row["official_part"]), str(row["reason"])) for row in self.refusals)
        return [(*key, n) for key, n in sorted(counts.items())]

    def judge(self, n_members: int, max_bad_fraction: float, max_bad_per_class: float) -> None:
        """Raise TallyError where members are unaccounted for, nothing was decoded, or too much was refused."""
        if self.n_members != n_members:
            raise TallyError(f"{n_members:,} members, but {self.n_members:,} accounted for: a clip vanished")
        wrong = list(self._excesses(max_bad_fraction, max_bad_per_class))
        if wrong:
            shown = [f"  {row['source_path']}: {row['reason']}: {row['message']}" for row in self.bad or self.refusals]
            raise TallyError("\n".join([*wrong, *shown[:REASONS_SHOWN]]))

    def _excesses(self, max_bad_fraction: float, max_bad_per_class: float) -> Iterator[str]:
        n_bad, n_good = len(self.bad), self.formats.total()
        if self.n_members == self.n_lists:
            yield "the archives hold no recordings; see whether they are the right ones"
            return
        if n_good == 0 or n_bad > max_bad_fraction * (n_bad + n_good):
            yield (
                f"{n_bad:,} of {n_bad + n_good:,} recordings cannot be used, at most {max_bad_fraction:.1%} may "
                "(decode.max_bad_fraction); see data/quarantine.parquet, mend or remove them, or raise the limit"
            )
        of_word = Counter(str(row["word"]) for row in self.bad)
        for word, n in sorted(of_word.items()):
            if n > max_bad_per_class * (n + self.words[word]):
                yield (
                    f"{n:,} of {n + self.words[word]:,} recordings of {word!r} cannot be used, at most "
                    f"{max_bad_per_class:.1%} may (decode.max_bad_per_class)"
                )
