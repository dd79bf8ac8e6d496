"""Where pictures come from: folders, tables with them and beside them, idx files, lists of boxes."""

import base64
import gzip
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from glassbox.data import quality
from glassbox.data.images.cells import cell_of, content_of, decoded
from glassbox.data.ingest import conform_parts, read
from glassbox.data.locations import find_places
from glassbox.data.schema import infer_schema
from glassbox.data.sources import RawData, read_source
from glassbox.data.split import split
from glassbox.errors import DataError
from glassbox.request.model import Data, Request, Split
from glassbox.request.tasks import CLASS_METRICS, TASKS, Task
from made_pictures import png_claiming, rotated, written

Put = Callable[..., Path]
Read = Callable[..., RawData]


def photo(grey: int = 0, size: tuple[int, int] = (8, 6), form: str = "JPEG") -> bytes:
    return written(Image.new("RGB", size, (grey, 90, 90)), form)


def lists(arrival: RawData) -> dict[str, list[Any]]:
    return {str(name): arrival.cells[name].tolist() for name in arrival.cells.columns}


def json_of(content: Any) -> str:
    return json.dumps(content)


@pytest.fixture
def arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Read `path`, by default all files in the folder `raw`, as a task does whose cases are pictures."""
    monkeypatch.setitem(TASKS, "computer_vision", Task(family="vision", metrics=CLASS_METRICS, reads="pictures"))

    def run(path: str = "raw") -> RawData:
        return read_source(Request(name="a", task="computer_vision", data=Data(path=path)), tmp_path)

    return run


# ---------------------------------------------------------------------------------------------------------- folders


def test_a_picture_file_is_a_row_and_all_of_them_one_table(write: Put, arrive: Read) -> None:
    for i, name in enumerate(["cats/2.jpg", "cats/1.jpg", "dogs/1.PNG", "dogs/deep/3.jpg"]):
        write(photo(i, form="PNG" if name.endswith("PNG") else "JPEG"), f"raw/shop/{name}")
    arrival = arrive("raw/shop")
    assert lists(arrival) == {
        "picture": [cell_of(photo(1)), cell_of(photo(0)), cell_of(photo(2, form="PNG")), cell_of(photo(3))],
        "folder": ["cats", "cats", "dogs", "deep"],
        "file": ["1.jpg", "2.jpg", "1.PNG", "3.jpg"],
    }
    (file,) = arrival.files
    assert (file.name, file.files, file.rows, file.written) == ("raw/shop/", 4, 4, "pictures (JPEG, PNG)")
    assert file.size_bytes == sum(len(content_of(cell)) for cell in arrival.cells["picture"])
    assert arrival.notes == []


def test_a_folder_a_glob_and_a_file_can_be_named(write: Put, arrive: Read) -> None:
    write(photo(1), "raw/a/1.jpg")
    write(photo(2), "raw/b [old]/2.jpg")
    write(photo(3), "raw/b [old]/.hidden.jpg")
    assert lists(arrive("raw"))["file"] == lists(arrive("raw/"))["file"] == lists(arrive("raw/**"))["file"] == ["1.jpg", "2.jpg"]
    assert lists(arrive("raw/b [old]"))["file"] == ["2.jpg"]
    assert lists(arrive("raw/a/1.jpg"))["file"] == ["1.jpg"]
    with pytest.raises(DataError, match="no file"):
        arrive("raw/empty")


def test_a_folder_beyond_the_project_tells_nothing_of_the_machine(write: Put, arrive: Read, tmp_path: Path) -> None:
    write(photo(), "elsewhere/shop/cats/1.jpg")
    project = tmp_path / "project"
    project.mkdir()
    request = Request(name="a", task="computer_vision", data=Data(path=f"{tmp_path}/elsewhere/shop"))
    assert [place.name for place in find_places(request, project)] == ["cats/1.jpg"]


def test_other_tasks_are_told_of_folders_and_pictures_as_before(write: Put, ask: Any) -> None:
    root = write(photo(), "raw/1.jpg")
    with pytest.raises(DataError, match="is a folder; name the files in it"):
        read_source(ask(path="raw"), root)
    with pytest.raises(DataError, match="is a picture"):
        read_source(ask(path="raw/1.jpg"), root)


def test_the_part_is_what_a_folder_above_is_called(write: Put, arrive: Read) -> None:
    names = ["train/cats/1.jpg", "Test/cats/2.jpg", "val2017/3.jpg", "images-test/x/4.jpg", "contest/5.jpg", "test/train/6.jpg"]
    for i, name in enumerate(names):
        write(photo(i), f"raw/{name}")
    arrival = arrive()
    parts = dict(zip(arrival.cells["file"], arrival.cells["part"], strict=True))
    assert {file: None if pd.isna(part) else part for file, part in parts.items()} == {
        "1.jpg": "train",
        "2.jpg": "test",
        "3.jpg": "val",
        "4.jpg": "test",
        "5.jpg": None,
        "6.jpg": "train",
    }


def test_what_cannot_be_read_goes_to_quarantine_by_name(write: Put, arrive: Read) -> None:
    for i in range(100):
        write(photo(i), f"raw/good/{i:03d}.jpg")
    write("not a picture at all", "raw/text.jpg")
    write(b"", "raw/void.png")
    write(photo(size=(90, 90))[:-300], "raw/half.jpg")
    write(png_claiming(60_000, 60_000), "raw/bomb.png")
    arrival = arrive()
    assert len(arrival.cells) == 100
    told = {row["text"]: row["reason"] for row in arrival.quarantine.to_dict("records")}
    assert told == {
        "raw/text.jpg": "no picture (JPEG, PNG, WebP, GIF, BMP or TIFF)",
        "raw/void.png": "empty",
        "raw/half.jpg": "cut off or broken",
        "raw/bomb.png": "3,600 million pixels, more than the 50 million that are read",
    }
    assert set(arrival.quarantine["source"]) == {"raw/"}


def test_too_many_broken_pictures_stop_it(write: Put, arrive: Read) -> None:
    write(photo(), "raw/1.jpg")
    write("text", "raw/2.jpg")
    with pytest.raises(DataError, match=r"1 of 2 rows cannot be read .*\n.*no picture .*raw/:2: raw/2.jpg"):
        arrive()


def test_pictures_that_are_turned_or_no_rgb_are_told(write: Put, arrive: Read) -> None:
    write(rotated(6), "raw/1.jpg")
    write(rotated(9), "raw/2.jpg")
    write(photo(form="GIF"), "raw/3.gif")
    write(written(Image.new("CMYK", (8, 8)), "JPEG"), "raw/4.jpg")
    write(written(Image.new("L", (8, 8)), "PNG"), "raw/5.png")
    assert arrive().notes == [
        "EXIF turns 1 picture; seen upright from here on.",
        "EXIF says of 1 picture an orientation that there is not; taken as upright.",
        "3 pictures are not RGB in JPEG or PNG (1 GIF with a palette, 1 JPEG in CMYK, 1 PNG in greys); seen in RGB from here on.",
    ]


def test_other_files_are_left_out_and_said(write: Put, arrive: Read) -> None:
    write(photo(), "raw/1.jpg")
    write("# Shop\n", "raw/README.md")
    write("a,b\n1,2\n1,3\n", "raw/prices.csv")
    write("some words\n", "raw/notes.txt")
    arrival = arrive()
    assert lists(arrival)["file"] == ["1.jpg"]
    assert arrival.notes == ["3 files without pictures were left out: raw/README.md, raw/notes.txt, raw/prices.csv."]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "a,b\n1,2\n", "raw/a.csv: there is no picture in what arrived"),
        ("a.pdf", b"%PDF-1.7", "this is a PDF"),
        ("a.csv", "", "the file is empty"),
        ("a.csv", "file,y\ncats/1.jpg,a\n", "names pictures, and 1 of 1 picture are not among the files that arrived"),
    ],
)
def test_where_there_is_no_picture_it_is_said(name: str, content: bytes | str, words: str, write: Put, arrive: Read) -> None:
    write(content, f"raw/{name}")
    with pytest.raises(DataError, match=words):
        arrive()


# ----------------------------------------------------------------------------------------------------------- tables


def parquet(columns: dict[str, Any]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


def test_bytes_in_parquet_are_pictures(write: Put, arrive: Read) -> None:
    contents = [photo(i) for i in range(60)]
    write(parquet({"label": list(range(60)), "img": contents, "price": [0.5] * 60, "mark": [b"\x01"] * 60}), "raw/a.parquet")
    arrival = arrive("raw/a.parquet")
    assert lists(arrival) == {
        "label": [str(i) for i in range(60)],
        "img": [cell_of(content) for content in contents],
        "price": ["0.5"] * 60,
        "mark": ["01"] * 60,
    }
    assert arrival.files[0].written == "Parquet, with pictures"


def test_the_struct_of_hugging_face_is_a_picture(write: Put, arrive: Read) -> None:
    contents = [photo(i) for i in range(50)]
    images = [{"bytes": content, "path": f"{i}.jpg"} for i, content in enumerate(contents)]
    images[3] = {"bytes": contents[3][:-100], "path": "3.jpg"}
    images[4] = None  # type: ignore[call-overload]
    write(parquet({"image": images, "label": list(range(50))}), "raw/a.parquet")
    arrival = arrive()
    assert lists(arrival)["image"] == [cell_of(content) for i, content in enumerate(contents) if i not in (3, 4)]
    assert arrival.quarantine[["line", "reason", "text"]].to_numpy().tolist() == [
        [4, "cut off or broken", "row 4"],
        [5, "there is no picture", "row 5"],
    ]


def test_the_struct_of_hugging_face_may_hold_paths_alone(write: Put, arrive: Read) -> None:
    write(photo(1), "raw/images/1.jpg")
    write(parquet({"image": [{"bytes": None, "path": "images/1.jpg"}], "label": [7]}), "raw/a.parquet")
    assert lists(arrive()) == {"image": [cell_of(photo(1))], "label": ["7"]}


def test_base64_in_a_table_is_a_picture(write: Put, arrive: Read) -> None:
    bare = [base64.b64encode(photo(i)).decode() for i in range(40)]
    rows = [{"photo": text if i % 2 else cell_of(photo(i)), "y": "ab"[i % 2]} for i, text in enumerate(bare)]
    rows[5]["photo"] = bare[5][:-400]
    write("\n".join(json_of(row) for row in rows), "raw/a.jsonl")
    arrival = arrive()
    assert lists(arrival)["photo"] == [cell_of(photo(i)) for i in range(40) if i != 5]
    assert arrival.quarantine.to_dict("records") == [
        {"source": "raw/a.jsonl", "line": 6, "reason": "cut off or broken", "text": "row 6"}
    ]
    write(pd.DataFrame({"photo": bare, "y": "a"}), "raw/b.csv")
    assert lists(arrive("raw/b.csv"))["photo"] == [cell_of(photo(i)) for i in range(40)]


def test_no_base64_stands_in_the_quarantine(write: Put, arrive: Read) -> None:
    bare = base64.b64encode(photo()).decode()
    write("photo,y\n" + f"{bare},a\n" * 30 + f"{bare},a,b\n", "raw/a.csv")
    arrival = arrive()
    assert arrival.quarantine["text"].tolist() == ["…"]
    moved = arrival.set_aside(np.arange(30) == 3, "no reason").quarantine
    assert moved["text"].tolist() == [f"(a picture of {len(photo()):,} bytes) | a", "…"]


def test_text_that_looks_a_little_like_base64_is_text(write: Put, arrive: Read) -> None:
    write(photo(), "raw/1.jpg")
    write("code,y\n" + "Qk0AAAAA,a\n" * 5, "raw/a.csv")
    assert list(lists(arrive())) == ["picture", "folder", "file"]


@pytest.mark.parametrize(
    "written_as", ["images/cats/{i}.jpg", "./images/cats/{i}.jpg", "cats\\{i}.jpg", "/home/else/images/cats/{i}.jpg", "{i}.jpg"]
)
def test_a_table_names_its_pictures(written_as: str, write: Put, arrive: Read) -> None:
    for i in range(4):
        write(photo(i), f"raw/shop/images/cats/{i}.jpg")
    write("path,y\n" + "".join(f"{written_as.format(i=i)},c{i}\n" for i in (2, 0, 1)), "raw/shop/train.csv")
    arrival = arrive()
    assert lists(arrival) == {"path": [cell_of(photo(i)) for i in (2, 0, 1)], "y": ["c2", "c0", "c1"]}
    assert arrival.notes == ["1 picture that no table names was left out."]
    assert arrival.files[0].files == 4


def test_a_picture_that_a_table_names_and_that_is_not_there(write: Put, arrive: Read) -> None:
    rows = [f"a/{i}.jpg" for i in range(30)]
    for i, name in enumerate(rows):
        if i != 7:
            write(photo(i), f"raw/{name}")
    write(photo(99), "raw/b/7.jpg")  # of another folder: not the one that is meant
    write(photo(98)[:-80], "raw/a/8.jpg")
    write(pd.DataFrame({"path": [*rows, None], "y": "a"}), "raw/t.csv")
    with pytest.raises(DataError, match="3 of 31 rows"):
        arrive()
    write(pd.DataFrame({"path": [*rows, *rows, *rows, None], "y": "a"}), "raw/t.csv")
    with pytest.raises(DataError) as caught:
        arrive()
    assert "3 × cut off or broken; the first is raw/t.csv:10: a/8.jpg" in str(caught.value)
    assert (
        "3 × its picture is not among the files that arrived, or several are called so; the first is raw/t.csv:9: a/7.jpg"
        in str(caught.value)
    )
    assert "1 × there is no picture; the first is raw/t.csv:92: row 92" in str(caught.value)


def test_a_bare_name_of_two_pictures_names_neither(write: Put, arrive: Read) -> None:
    for folder in "ab":
        for i in range(3):
            write(photo(i), f"raw/{folder}/{i}.jpg")
    write("path,y\n0.jpg,a\n1.jpg,a\n2.jpg,b\n", "raw/t.csv")
    with pytest.raises(DataError, match="'path' names pictures, and 3 of 3 pictures are not among"):
        arrive()


def test_names_without_endings_get_a_column_of_pictures(write: Put, arrive: Read) -> None:
    for i in range(3):
        write(photo(i), f"raw/images/x{i}.jpg")
    write("id,y\nx2,a\nx0,b\n", "raw/t.csv")
    assert lists(arrive()) == {"id": ["x2", "x0"], "y": ["a", "b"], "picture": [cell_of(photo(2)), cell_of(photo(0))]}


# -------------------------------------------------------------------------------------------------------------- idx


def idx(array: Any, kind: int = 8) -> bytes:
    array = np.asarray(array, dtype="uint8")
    return struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape) + array.tobytes()


PIXELS = np.random.default_rng(3).integers(0, 256, (5, 4, 3), dtype="uint8")


@pytest.mark.parametrize("zipped", [False, True])
def test_idx_files_come_in_pairs(zipped: bool, write: Put, arrive: Read) -> None:
    for part, pixels in (("train", PIXELS), ("t10k", PIXELS[:2])):
        for what, array in (("images-idx3", pixels), ("labels-idx1", np.arange(len(pixels)) + 7)):
            content = gzip.compress(idx(array)) if zipped else idx(array)
            write(content, f"raw/{part}-{what}-ubyte{'.gz' if zipped else ''}")
    arrival = arrive()
    found = lists(arrival)
    assert found["label"] == ["7", "8", "7", "8", "9", "10", "11"]
    assert found["part"] == ["test"] * 2 + ["train"] * 5
    assert [np.asarray(decoded(content_of(cell)))[..., 0].tolist() for cell in found["picture"][2:]] == PIXELS.tolist()
    assert found["picture"][0].startswith("data:image/png;base64,")
    assert [file.files for file in arrival.files] == [2, 2]
    assert arrival.files[0].written == "greys of 3 × 4 pixels with a number each (idx)"


@pytest.mark.parametrize(
    ("pictures", "labels", "words"),
    [
        (idx(PIXELS), idx(np.arange(4)), "holds 5 pictures, and raw/train-labels-idx1-ubyte 4 labels"),
        (idx(PIXELS)[:-1], idx(np.arange(5)), "5 × 4 × 3 bytes, 60 together, and 59 follow; it is cut off"),
        (idx(PIXELS)[:9], idx(np.arange(5)), "is cut off"),
        (idx(PIXELS, kind=13), idx(np.arange(5)), "of labels with 00 00 08 01, bytes both; this begins with 00 00 0d 03"),
        (idx(PIXELS), idx(np.arange(5), kind=9), "this begins with 00 00 09 01"),
        (idx(PIXELS), b"", "this begins with nothing"),
        (gzip.compress(idx(PIXELS))[:-9], idx(np.arange(5)), "gzip file is damaged or cut off"),
        (None, idx(np.arange(5)), "there are labels and no file of pictures"),
        (idx(PIXELS), None, "there are pictures and no file of labels"),
    ],
)
def test_what_is_wrong_with_idx_files_is_said(
    pictures: bytes | None, labels: bytes | None, words: str, write: Put, arrive: Read
) -> None:
    for name, content in (("images-idx3", pictures), ("labels-idx1", labels)):
        if content is not None:
            write(content, f"raw/train-{name}-ubyte")
    with pytest.raises(DataError) as caught:
        arrive()
    assert words in str(caught.value)


# ------------------------------------------------------------------------------------------------------------ boxes


def coco(names: dict[int, str], boxes: list[tuple[int, Any]], **others: Any) -> str:
    return json_of(
        {
            "images": [{"id": i, "file_name": name, "width": 100, "height": 80} for i, name in names.items()],
            "annotations": [
                {"id": n, "image_id": i, "category_id": 3, "bbox": box, "iscrowd": 0} | others for n, (i, box) in enumerate(boxes)
            ],
            "categories": [{"id": 3, "name": "a hen"}],
        }
    )


def hens(write: Put, count: int = 3, folder: str = "images") -> None:
    for i in range(count):
        write(photo(i, size=(100, 80)), f"raw/{folder}/{i}.jpg")


def test_coco_gives_each_picture_its_boxes(write: Put, arrive: Read) -> None:
    hens(write, 4)
    boxes = [
        (0, [20, 10, 30.5, 40]),
        (0, [10, 60, 5, 5.123]),
        (2, [-5, 70, 20, 20]),
        (2, [5, 5, 0, 9]),
        (2, [200, 5, 9, 9]),
        (2, None),
    ]
    write(coco({0: "0.jpg", 1: "1.jpg", 2: "2.jpg"}, boxes), "raw/annotations/instances_val2017.json")
    arrival = arrive()
    found = lists(arrival)
    assert list(found) == ["picture", "boxes", "file", "part"]
    assert [json.loads(cell) for cell in found["boxes"]] == [
        [[10, 60, 5, 5.12, "a hen"], [20, 10, 30.5, 40, "a hen"]],
        [],
        [[0, 70, 15, 10, "a hen"]],
    ]
    assert (found["file"], found["part"]) == (["0.jpg", "1.jpg", "2.jpg"], ["val"] * 3)
    assert arrival.notes == [
        "1 annotation without a box of four numbers was left out.",
        "1 picture that no list of boxes names was left out.",
        "1 box left the picture and was clipped to it.",
        "2 boxes of no area were left out.",
    ]
    assert (arrival.files[0].written, arrival.files[0].files) == ("pictures (JPEG), boxes as COCO has them", 5)


def test_the_order_of_boxes_does_not_matter(write: Put, arrive: Read) -> None:
    hens(write, 1)
    boxes = [(0, [20, 10, 30, 40]), (0, [3, 10, 30, 40])]
    write(coco({0: "0.jpg"}, boxes), "raw/a.json")
    once = lists(arrive())["boxes"]
    write(coco({0: "0.jpg"}, boxes[::-1]), "raw/a.json")
    assert lists(arrive())["boxes"] == once


def test_crowds_are_left_out_and_counted(write: Put, arrive: Read) -> None:
    hens(write, 1)
    write(coco({0: "0.jpg"}, [(0, [1, 1, 9, 9]), (0, [2, 2, 9, 9])], iscrowd=1), "raw/a.json")
    arrival = arrive()
    assert lists(arrival)["boxes"] == ["[]"]
    assert arrival.notes == ["2 boxes around a crowd were left out."]


def test_pictures_whose_boxes_cannot_be_trusted_are_set_aside(write: Put, arrive: Read) -> None:
    hens(write, 60)
    names = {i: f"{i}.jpg" for i in range(63)}
    write(rotated(6), "raw/images/60.jpg")
    write(photo(size=(50, 40)), "raw/images/61.jpg")
    write(coco(names, []), "raw/a.json")
    told = {row["text"]: row["reason"] for row in arrive().quarantine.to_dict("records")}
    assert told == {
        "raw/images/60.jpg": "EXIF turns this picture, and its boxes may be of the unturned one",
        "raw/images/61.jpg": "the picture is of another size than the list of boxes says",
        "62.jpg": "the picture is not among the files that arrived",
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (coco({0: "0.jpg"}, [(9, [1, 1, 9, 9])]), "is not as COCO has it: 9 is not there"),
        (coco({0: "0.jpg"}, [])[:-9], "looks like COCO's list of boxes, and is no valid JSON"),
        (coco({0: "x.jpg"}, []), "none of the pictures in COCO's list is among the files"),
        (coco({0: "0.jpg", 1: "images/0.jpg"}, []), "raw/images/0.jpg is named twice"),
    ],
)
def test_a_list_that_is_not_as_coco_has_it(content: str, words: str, write: Put, arrive: Read) -> None:
    hens(write)
    write(content, "raw/a.json")
    with pytest.raises(DataError) as caught:
        arrive()
    assert words in str(caught.value)


def test_a_list_of_boxes_without_pictures(write: Put, arrive: Read) -> None:
    write(coco({0: "0.jpg"}, []), "raw/a.json")
    with pytest.raises(DataError, match=r"no picture file came along; let data.path name both"):
        arrive()


@pytest.mark.parametrize("names", ["names: [cock, hen]", "names: {0: cock, 1: hen}", None])
def test_yolo_gives_each_picture_its_boxes(names: str | None, write: Put, arrive: Read) -> None:
    hens(write, 3, "images/train")
    write("1 0.5 0.5 0.2 0.25\n0 0.95 0.5 0.2 0.5\n", "raw/labels/train/0.txt")
    write("", "raw/labels/train/1.txt")
    if names:
        write(f"path: x\n{names}\n", "raw/data.yaml")
    arrival = arrive()
    found = lists(arrival)
    cock, hen = ("cock", "hen") if names else ("0", "1")
    assert list(found) == ["picture", "boxes", "file", "part"]
    assert [json.loads(cell) for cell in found["boxes"]] == [[[40, 30, 20, 20, hen], [85, 20, 15, 40, cock]], [], []]
    assert found["part"] == ["train"] * 3
    assert arrival.notes == [
        "1 picture without a file of labels: taken as without boxes.",
        "1 box left the picture and was clipped to it.",
    ]
    assert arrival.files[0].written == "pictures (JPEG), boxes as YOLO has them"


def test_labels_may_stand_beside_their_pictures(write: Put, arrive: Read) -> None:
    hens(write, 1, "all")
    write("0 0.5 0.5 1 1\n", "raw/all/0.txt")
    write("hen\n", "raw/all/classes.txt")
    arrival = arrive()
    assert lists(arrival)["boxes"] == ['[[0, 0, 100, 80, "hen"]]']
    assert arrival.notes == []


def test_labels_that_cannot_be_read_set_their_picture_aside(write: Put, arrive: Read) -> None:
    hens(write, 100)
    wrong = ["0 0.5 0.5 0.1", "0 40 30 20 20", "0.5 0.5 0.5 0.1 0.1", "7 0.5 0.5 0.1 0.1", "a 0.5 0.5 0.1 0.1"]
    for i in range(100):
        write(wrong[i] if i < len(wrong) else "0 0.5 0.5 0.1 0.1", f"raw/labels/{i}.txt")
    write("names: [hen]", "raw/data.yaml")
    told = {row["text"]: row["reason"] for row in arrive().quarantine.to_dict("records")}
    assert told == {
        "raw/images/0.jpg": "a line of its labels that is not a class and four numbers",
        "raw/images/1.jpg": "a line of its labels that is not in shares of the picture's size, 0 to 1",
        "raw/images/2.jpg": "a line of its labels whose class is no whole number",
        "raw/images/3.jpg": "a class that data.yaml does not name",
        "raw/images/4.jpg": "a line of its labels that is not a class and four numbers",
    }


def test_captions_beside_pictures_are_no_labels(write: Put, arrive: Read) -> None:
    hens(write, 1)
    write("a hen on a wall", "raw/images/0.txt")
    arrival = arrive()
    assert list(lists(arrival)) == ["picture", "folder", "file"]
    assert "raw/images/0.txt" in arrival.notes[-1]


# -------------------------------------------------------------------------------------------------- the whole of it


def test_pictures_go_all_the_way_to_the_snapshots(write: Put, arrive: Read, tmp_path: Path) -> None:
    for part, count in (("train", 20), ("test", 6)):
        for i in range(count):
            write(photo(i, form="PNG"), f"raw/{part}/{'cats' if i % 2 else 'dogs'}/{i}.png")
    data = Data(path="raw", target="folder", features=["picture"])
    asked = Request(name="a", task="computer_vision", data=data, split=Split(by="column", column="part"), folds=2)
    arrival, _ = read(asked, tmp_path)
    parts = split(arrival.cells, asked)
    schema = infer_schema(parts.train, asked)
    snapshot = conform_parts(parts, schema)
    assert (len(snapshot.train), len(snapshot.holdout)) == (20, 6)
    assert [column.kind for column in schema.features] == ["picture"]
    assert quality.arrived(arrival, parts).facts["files"] == 26
    assert quality.duplicates(parts, schema).facts["of these, on both sides of the split"] == 12
    for shown in (quality.types(schema), quality.missing(schema, snapshot), quality.repairs(arrival, snapshot)):
        assert "base64" not in shown.model_dump_json()
