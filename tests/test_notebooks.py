"""Runs the notebooks from top to bottom with the reduced numbers below."""

import re
from pathlib import Path

import nbformat
import pytest
import traitlets
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from samples import REPOSITORY

NOTEBOOKS = REPOSITORY / "notebooks"
MAX_BYTES = 700_000


class ThisInterpreter(AsyncKernelManager):
    """Without folders to look in, `python3` is this interpreter and no other."""

    @traitlets.default("kernel_spec_manager")
    def _no_folders(self):
        return KernelSpecManager(kernel_dirs=[])


def settings_cell(notebook) -> int:
    (index,) = (
        i
        for i, cell in enumerate(notebook.cells)
        if "parameters" in cell.metadata.get("tags", [])
    )
    return index


def run(name: str, folder: Path, **settings) -> str:
    """Runs a notebook with other values behind its settings cell, as papermill does.

    Returns:
        What its cells print.
    """
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    index = settings_cell(notebook)
    for key in settings:
        assert re.search(rf"^{key} = ", notebook.cells[index].source, re.MULTILINE)
    changes = "\n".join(f"{key} = {value!r}" for key, value in settings.items())
    notebook.cells.insert(index + 1, nbformat.v4.new_code_cell(changes))
    NotebookClient(
        notebook,
        kernel_name="python3",
        kernel_manager_class=ThisInterpreter,
        timeout=300,
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    return "".join(
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stdout"
    )


def decibels(text: str) -> dict[str, float]:
    """The lines `name 12.34 dB`."""
    lines = re.findall(r"^(.+?) +(-?\d+\.\d\d) dB$", text, re.MULTILINE)
    return {name: float(value) for name, value in lines}


@pytest.mark.slow
def test_upscale(tmp_path):
    printed = run("01_upscale.ipynb", tmp_path, part=48, realisms=[0.0, 1.0])
    scores = decibels(printed)
    assert scores["realism 0"] > scores["realism 1"]
    assert scores["realism 0"] > scores["bicubic"] + 1


@pytest.mark.slow
def test_train(tmp_path):
    printed = run(
        "02_train.ipynb", tmp_path, srresnet_steps=60, srgan_steps=4, epochs=2
    )
    scores = decibels(printed)
    assert scores["SRResNet"] > scores["untrained"] + 3
    assert scores["SRGAN-MSE"] > scores["untrained"] + 3


@pytest.mark.slow
def test_fine_tune(tmp_path):
    printed = run("03_fine_tune.ipynb", tmp_path, steps=15)
    scores = decibels(printed)
    assert scores["held out: fine-tuned"] > scores["held out: srresnet_x4"]
    apart = re.search(r"SavedModel: (\d+) of 255 levels apart", printed)
    assert int(apart[1]) <= 1


def test_outputs_are_committed_small_and_without_errors():
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        settings_cell(notebook)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        counts = [cell.execution_count for cell in code]
        assert counts == list(range(1, len(code) + 1)), path.name
        kinds = [output.output_type for cell in code for output in cell.outputs]
        assert "display_data" in kinds, path.name
        assert "error" not in kinds, path.name
        assert path.stat().st_size < MAX_BYTES, path.name
