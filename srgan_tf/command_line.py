"""From the words of a command line to a command and its options.

absl parses them, by flags made from the dataclasses of `srgan_tf.options`. Each call
has flags of its own, so that several can be made in one process.
"""

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from absl import flags

from srgan_tf.errors import UserError, reason
from srgan_tf.options import Options

_FILE = "flagfile"
_EXPERIMENTS = Path(__file__).with_name("experiments")
_ASKED = {"help": "Show this help.", "version": "Show the version."}


class Command(NamedTuple):
    """What a command line asks for.

    Attributes:
        name: Of the command; empty where none is named and help or the version is
            asked for.
        options: Its options; None where help or the version is asked for.
        arguments: Its words that are no flags.
        flagfile: The last flagfile on the line.
        asked: `help`, `version` or empty.
    """

    name: str
    options: Options | None = None
    arguments: tuple[str, ...] = ()
    flagfile: Path | None = None
    asked: str = ""


class _Word(NamedTuple):
    """A flag, as `--NAME=VALUE` or `--NAME`, or an argument of a command line."""

    text: str
    flag: str | None = None
    file: Path | None = None


def parse(
    words: Sequence[str], commands: Mapping[str, type[Options]], default: str
) -> Command:
    """Understands a command line, without its program's name.

    A flag that only other commands have is refused on the line itself and passed over
    in a flagfile, so that one file can serve several commands.

    Args:
        words: Such as `["upscale", "photo.jpg", "--tile=128"]`.
        commands: The options of each command.
        default: The command where none is named.

    Raises:
        UserError: If a command, flag, value or flagfile is not right.
    """
    kinds = {flag: kind for c in commands.values() for flag, kind in _kinds(c).items()}
    here = list(_words(words, kinds))
    line = list(_with_files(here, kinds))
    plain = [word.text for word in line if word.flag is None]
    name = plain[0] if plain else default
    if name not in commands:
        raise UserError(
            f"There is no command {name}: choose from {', '.join(commands)}, or see "
            "--help."
        )
    kept = []
    for word in line:
        owners = [c for c, options in commands.items() if word.flag in _kinds(options)]
        if owners and name not in owners and not word.file:
            raise UserError(
                f"--{word.flag} is for {', '.join(owners)}, not for {name}."
            )
        if word.flag and (name in owners or not owners):
            kept.append(word.text)
    values = _flag_values(commands[name])
    try:
        values(["", *kept])
    except flags.Error as error:
        raise UserError(reason(error)) from None
    if asked := next((flag for flag in _ASKED if values[flag].value), ""):
        return Command(name if plain else "", asked=asked)
    chosen = {flag: values[flag].value for flag in _kinds(commands[name])}
    chosen = {k: tuple(v) if isinstance(v, list) else v for k, v in chosen.items()}
    files = [_flagfile(_value(word)) for word in here if word.flag == _FILE]
    return Command(
        name, commands[name](**chosen), tuple(plain[1:]), files[-1] if files else None
    )


def flags_help(options: type[Options]) -> list[str]:
    """The lines of `--help` that tell the flags of a command, by group."""
    lines = []
    left = {field.name: field for field in dataclasses.fields(options)}
    for group in options.__mro__:
        # Each where it was defined last.
        own = [name for name in inspect.get_annotations(group) if name in left]
        fields = [left.pop(name) for name in own]
        if fields:
            lines += ["", f"{group.__doc__}:"]
        for field in fields:
            default = "" if field.default in (None, ()) else f" [{field.default}]"
            lines.append(f"  --{field.name}: {field.metadata['help']}{default}")
    return lines


def _flag_values(options: type[Options]) -> flags.FlagValues:
    values = flags.FlagValues()
    define: dict[type, Callable] = {
        bool: flags.DEFINE_bool,
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        str: flags.DEFINE_string,
        tuple: flags.DEFINE_list,
    }
    kinds = _kinds(options)
    for field in dataclasses.fields(options):
        kind, default = kinds[field.name], field.default
        if isinstance(default, tuple):
            default = list(default)
        text = field.metadata["help"]
        define[kind](field.name, default, text, flag_values=values)
    for flag, text in _ASKED.items():
        short = "h" if flag == "help" else None
        flags.DEFINE_bool(flag, False, text, short_name=short, flag_values=values)
    return values


def _kinds(options: type[Options]) -> dict[str, type]:
    """The flags of a command and the types of their values."""
    kinds = {}
    for name, hint in typing.get_type_hints(options).items():
        if isinstance(hint, types.UnionType):  # with None
            hint = next(x for x in typing.get_args(hint) if x is not types.NoneType)
        kinds[name] = typing.get_origin(hint) or hint
    return kinds


def _words(texts: Iterable[str], kinds: Mapping[str, type]) -> Iterator[_Word]:
    """Tells flags from arguments, and makes `--NAME=VALUE` of `--NAME VALUE`."""
    rest = iter(texts)
    for text in rest:
        if text == "--":
            yield from map(_Word, rest)
        elif text == "-" or not text.startswith("-"):
            yield _Word(text)
        else:
            name, equals, _ = text.lstrip("-").partition("=")
            if not name:  # which absl would pass over
                raise UserError(f"{text} is no flag; see --help.")
            if kinds.get(name.removeprefix("no")) is bool:
                name = name.removeprefix("no")
            elif not equals and (name in kinds or name == _FILE):
                if (value := next(rest, None)) is None:
                    raise UserError(f"--{name} lacks its value.")
                text = f"--{name}={value}"
            yield _Word(text, name)


def _value(word: _Word) -> str:
    return word.text.partition("=")[2]


def _flagfile(name: str) -> Path:
    """A flagfile by its path or, behind `@`, by its name among the package's own.

    Raises:
        UserError: If the package has none of that name.
    """
    if not name.startswith("@"):
        return Path(name).expanduser()
    own = {path.stem: path for path in sorted(_EXPERIMENTS.glob("*.flags"))}
    if name[1:] not in own:
        choices = ", ".join(f"@{stem}" for stem in own)
        raise UserError(f"--{_FILE}={name}: the package has {choices}.")
    return own[name[1:]]


def _with_files(
    words: Iterable[_Word], kinds: Mapping[str, type], within: tuple[Path, ...] = ()
) -> Iterator[_Word]:
    """Puts the words of flagfiles in their places."""
    for word in words:
        if word.flag != _FILE:
            yield word
            continue
        path = _flagfile(_value(word))
        # A file names others as seen from itself, or from where the command runs.
        if within and (beside := within[-1].parent / path).exists():
            path = beside
        if path.resolve() in {file.resolve() for file in within}:
            raise UserError(f"{word.text}: the flagfile {path} contains itself.")
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{word.text} cannot be read: {reason(error)}") from None
        lines = [line.strip() for line in text.splitlines()]
        lines = [line for line in lines if line and not line.startswith(("#", "//"))]
        for line in lines:
            if not line.startswith("-"):
                raise UserError(f"{path}: this line is no flag: {line}")
        inner = (found._replace(file=path) for found in _words(lines, kinds))
        yield from _with_files(inner, kinds, (*within, path))
