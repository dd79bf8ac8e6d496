"""Reading pictures from folders, tables, IDX files, and COCO and YOLO annotations."""

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
from glassbox.data.locations import find_files
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


def columns_of(raw: RawData) -> dict[str, list[Any]]:
    return {str(name): raw.cells[name].tolist() for name in raw.cells.columns}


def json_of(content: Any) -> str:
    return json.dumps(content)


@pytest.fixture
def read_raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Read `path`, by default all files in the folder `raw`, for a task that reads pictures."""
    monkeypatch.setitem(TASKS, "computer_vision", Task(family="vision", metrics=CLASS_METRICS, reads="pictures"))

    def run(path: str = "raw") -> RawData:
        return read_source(Request(name="a", task="computer_vision", data=Data(path=path)), tmp_path)

    return run


# ---------------------------------------------------------------------------------------------------------- folders


def test_picture_files_are_the_rows_of_one_table(write: Put, read_raw: Read) -> None:
    for i, name in enumerate(["cats/2.jpg", "cats/1.jpg", "dogs/1.PNG", "dogs/deep/3.jpg"]):
        write(photo(i, form="PNG" if name.endswith("PNG") else "JPEG"), f"raw/shop/{name}")
    raw = read_raw("raw/shop")
    assert columns_of(raw) == {
        "picture": [cell_of(photo(1)), cell_of(photo(0)), cell_of(photo(2, form="PNG")), cell_of(photo(3))],
        "folder": ["cats", "cats", "dogs", "deep"],
        "file": ["1.jpg", "2.jpg", "1.PNG", "3.jpg"],
    }
    (file,) = raw.files
    assert (file.name, file.files, file.rows, file.written) == ("raw/shop/", 4, 4, "pictures (JPEG, PNG)")
    assert file.size_bytes == sum(len(content_of(cell)) for cell in raw.cells["picture"])
    assert raw.notes == []


def test_a_path_may_be_a_folder_a_glob_or_a_file(write: Put, read_raw: Read) -> None:
    write(photo(1), "raw/a/1.jpg")
    write(photo(2), "raw/b [old]/2.jpg")
    write(photo(3), "raw/b [old]/.hidden.jpg")
    assert (
        columns_of(read_raw("raw"))["file"]
        == columns_of(read_raw("raw/"))["file"]
        == columns_of(read_raw("raw/**"))["file"]
        == ["1.jpg", "2.jpg"]
    )
    assert columns_of(read_raw("raw/b [old]"))["file"] == ["2.jpg"]
    assert columns_of(read_raw("raw/a/1.jpg"))["file"] == ["1.jpg"]
    with pytest.raises(DataError, match="no file"):
        read_raw("raw/empty")


def test_names_in_a_folder_outside_the_project_are_relative_to_it(write: Put, read_raw: Read, tmp_path: Path) -> None:
    write(photo(), "elsewhere/shop/cats/1.jpg")
    project = tmp_path / "project"
    project.mkdir()
    request = Request(name="a", task="computer_vision", data=Data(path=f"{tmp_path}/elsewhere/shop"))
    assert [file.name for file in find_files(request, project)] == ["cats/1.jpg"]


def test_other_tasks_reject_folders_and_pictures(write: Put, make_request: Any) -> None:
    root = write(photo(), "raw/1.jpg")
    with pytest.raises(DataError, match="is a folder; name the files in it"):
        read_source(make_request(path="raw"), root)
    with pytest.raises(DataError, match="is a picture"):
        read_source(make_request(path="raw/1.jpg"), root)


def test_the_part_is_read_from_the_names_of_folders(write: Put, read_raw: Read) -> None:
    names = ["train/cats/1.jpg", "Test/cats/2.jpg", "val2017/3.jpg", "images-test/x/4.jpg", "contest/5.jpg", "test/train/6.jpg"]
    for i, name in enumerate(names):
        write(photo(i), f"raw/{name}")
    raw = read_raw()
    parts = dict(zip(raw.cells["file"], raw.cells["part"], strict=True))
    assert {file: None if pd.isna(part) else part for file, part in parts.items()} == {
        "1.jpg": "train",
        "2.jpg": "test",
        "3.jpg": "val",
        "4.jpg": "test",
        "5.jpg": None,
        "6.jpg": "train",
    }


def test_unreadable_pictures_are_quarantined_by_name(write: Put, read_raw: Read) -> None:
    for i in range(100):
        write(photo(i), f"raw/good/{i:03d}.jpg")
    write("not a picture at all", "raw/text.jpg")
    write(b"", "raw/void.png")
    write(photo(size=(90, 90))[:-300], "raw/half.jpg")
    write(png_claiming(60_000, 60_000), "raw/bomb.png")
    raw = read_raw()
    assert len(raw.cells) == 100
    reasons = {row["text"]: row["reason"] for row in raw.quarantine.to_dict("records")}
    assert reasons == {
        "raw/text.jpg": "not a picture (JPEG, PNG, WebP, GIF, BMP or TIFF)",
        "raw/void.png": "empty",
        "raw/half.jpg": "cut off or broken",
        "raw/bomb.png": "3,600 million pixels, more than the 50 million that are read",
    }
    assert set(raw.quarantine["source"]) == {"raw/"}


def test_too_many_unreadable_pictures_are_an_error(write: Put, read_raw: Read) -> None:
    write(photo(), "raw/1.jpg")
    write("text", "raw/2.jpg")
    with pytest.raises(DataError, match=r"1 of 2 rows cannot be read .*\n.*not a picture .*raw/:2: raw/2.jpg"):
        read_raw()


def test_rotated_and_converted_pictures_are_noted(write: Put, read_raw: Read) -> None:
    write(rotated(6), "raw/1.jpg")
    write(rotated(9), "raw/2.jpg")
    write(photo(form="GIF"), "raw/3.gif")
    write(written(Image.new("CMYK", (8, 8)), "JPEG"), "raw/4.jpg")
    write(written(Image.new("L", (8, 8)), "PNG"), "raw/5.png")
    assert read_raw().notes == [
        "1 picture was rotated upright by the EXIF orientation.",
        "1 picture has an invalid EXIF orientation; read as upright.",
        "3 pictures are not RGB JPEG or PNG (1 GIF with a palette, 1 JPEG in CMYK, 1 PNG in greyscale); converted to RGB.",
    ]


def test_other_files_are_skipped_with_a_note(write: Put, read_raw: Read) -> None:
    write(photo(), "raw/1.jpg")
    write("# Shop\n", "raw/README.md")
    write("a,b\n1,2\n1,3\n", "raw/prices.csv")
    write("some words\n", "raw/notes.txt")
    raw = read_raw()
    assert columns_of(raw)["file"] == ["1.jpg"]
    assert raw.notes == ["3 files without pictures were skipped: raw/README.md, raw/notes.txt and raw/prices.csv."]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "a,b\n1,2\n", "raw/a.csv: there is no picture in the data"),
        ("a.pdf", b"%PDF-1.7", "this is a PDF"),
        ("a.csv", "", "the file is empty"),
        ("a.csv", "file,y\ncats/1.jpg,a\n", "names pictures, but 1 of 1 picture are not among the files of data.path"),
    ],
)
def test_data_without_pictures_is_an_error(name: str, content: bytes | str, words: str, write: Put, read_raw: Read) -> None:
    write(content, f"raw/{name}")
    with pytest.raises(DataError, match=words):
        read_raw()


# ----------------------------------------------------------------------------------------------------------- tables


def parquet(columns: dict[str, Any]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


def test_bytes_in_parquet_are_pictures(write: Put, read_raw: Read) -> None:
    contents = [photo(i) for i in range(60)]
    write(parquet({"label": list(range(60)), "img": contents, "price": [0.5] * 60, "mark": [b"\x01"] * 60}), "raw/a.parquet")
    raw = read_raw("raw/a.parquet")
    assert columns_of(raw) == {
        "label": [str(i) for i in range(60)],
        "img": [cell_of(content) for content in contents],
        "price": ["0.5"] * 60,
        "mark": ["01"] * 60,
    }
    assert raw.files[0].written == "Parquet, with pictures"


def test_hugging_face_structs_are_pictures(write: Put, read_raw: Read) -> None:
    contents = [photo(i) for i in range(50)]
    images = [{"bytes": content, "path": f"{i}.jpg"} for i, content in enumerate(contents)]
    images[3] = {"bytes": contents[3][:-100], "path": "3.jpg"}
    images[4] = None  # type: ignore[call-overload]
    write(parquet({"image": images, "label": list(range(50))}), "raw/a.parquet")
    raw = read_raw()
    assert columns_of(raw)["image"] == [cell_of(content) for i, content in enumerate(contents) if i not in (3, 4)]
    assert raw.quarantine[["line", "reason", "text"]].to_numpy().tolist() == [
        [4, "cut off or broken", "row 4"],
        [5, "there is no picture", "row 5"],
    ]


def test_hugging_face_structs_may_hold_only_paths(write: Put, read_raw: Read) -> None:
    write(photo(1), "raw/images/1.jpg")
    write(parquet({"image": [{"bytes": None, "path": "images/1.jpg"}], "label": [7]}), "raw/a.parquet")
    assert columns_of(read_raw()) == {"image": [cell_of(photo(1))], "label": ["7"]}


def test_base64_columns_are_pictures(write: Put, read_raw: Read) -> None:
    bare = [base64.b64encode(photo(i)).decode() for i in range(40)]
    rows = [{"photo": text if i % 2 else cell_of(photo(i)), "y": "ab"[i % 2]} for i, text in enumerate(bare)]
    rows[5]["photo"] = bare[5][:-400]
    write("\n".join(json_of(row) for row in rows), "raw/a.jsonl")
    raw = read_raw()
    assert columns_of(raw)["photo"] == [cell_of(photo(i)) for i in range(40) if i != 5]
    assert raw.quarantine.to_dict("records") == [
        {"source": "raw/a.jsonl", "line": 6, "reason": "cut off or broken", "text": "row 6"}
    ]
    write(pd.DataFrame({"photo": bare, "y": "a"}), "raw/b.csv")
    assert columns_of(read_raw("raw/b.csv"))["photo"] == [cell_of(photo(i)) for i in range(40)]


def test_the_quarantine_contains_no_base64(write: Put, read_raw: Read) -> None:
    bare = base64.b64encode(photo()).decode()
    write("photo,y\n" + f"{bare},a\n" * 30 + f"{bare},a,b\n", "raw/a.csv")
    raw = read_raw()
    assert raw.quarantine["text"].tolist() == ["…"]
    quarantine = raw.exclude(np.arange(30) == 3, "no reason").quarantine
    assert quarantine["text"].tolist() == [f"(a picture of {len(photo()):,} bytes) | a", "…"]


def test_short_base64_like_text_is_text(write: Put, read_raw: Read) -> None:
    write(photo(), "raw/1.jpg")
    write("code,y\n" + "Qk0AAAAA,a\n" * 5, "raw/a.csv")
    assert list(columns_of(read_raw())) == ["picture", "folder", "file"]


@pytest.mark.parametrize(
    "written_as", ["images/cats/{i}.jpg", "./images/cats/{i}.jpg", "cats\\{i}.jpg", "/home/else/images/cats/{i}.jpg", "{i}.jpg"]
)
def test_a_table_may_name_picture_files(written_as: str, write: Put, read_raw: Read) -> None:
    for i in range(4):
        write(photo(i), f"raw/shop/images/cats/{i}.jpg")
    write("path,y\n" + "".join(f"{written_as.format(i=i)},c{i}\n" for i in (2, 0, 1)), "raw/shop/train.csv")
    raw = read_raw()
    assert columns_of(raw) == {"path": [cell_of(photo(i)) for i in (2, 0, 1)], "y": ["c2", "c0", "c1"]}
    assert raw.notes == ["1 picture that no table names was skipped."]
    assert raw.files[0].files == 4


def test_absent_pictures_of_a_table_are_quarantined(write: Put, read_raw: Read) -> None:
    rows = [f"a/{i}.jpg" for i in range(30)]
    for i, name in enumerate(rows):
        if i != 7:
            write(photo(i), f"raw/{name}")
    write(photo(99), "raw/b/7.jpg")  # in another folder, so it does not match
    write(photo(98)[:-80], "raw/a/8.jpg")
    write(pd.DataFrame({"path": [*rows, None], "y": "a"}), "raw/t.csv")
    with pytest.raises(DataError, match="3 of 31 rows"):
        read_raw()
    write(pd.DataFrame({"path": [*rows, *rows, *rows, None], "y": "a"}), "raw/t.csv")
    with pytest.raises(DataError) as caught:
        read_raw()
    assert "3 × cut off or broken; the first is raw/t.csv:10: a/8.jpg" in str(caught.value)
    assert (
        "3 × its picture is not among the files of data.path, or several files have this name; the first is raw/t.csv:9: a/7.jpg"
        in str(caught.value)
    )
    assert "1 × there is no picture; the first is raw/t.csv:92: row 92" in str(caught.value)


def test_ambiguous_file_names_match_no_picture(write: Put, read_raw: Read) -> None:
    for folder in "ab":
        for i in range(3):
            write(photo(i), f"raw/{folder}/{i}.jpg")
    write("path,y\n0.jpg,a\n1.jpg,a\n2.jpg,b\n", "raw/t.csv")
    with pytest.raises(DataError, match="column 'path' names pictures, but 3 of 3 pictures are not among"):
        read_raw()


def test_names_without_extensions_add_a_column_of_pictures(write: Put, read_raw: Read) -> None:
    for i in range(3):
        write(photo(i), f"raw/images/x{i}.jpg")
    write("id,y\nx2,a\nx0,b\n", "raw/t.csv")
    assert columns_of(read_raw()) == {"id": ["x2", "x0"], "y": ["a", "b"], "picture": [cell_of(photo(2)), cell_of(photo(0))]}


# -------------------------------------------------------------------------------------------------------------- idx


def idx(array: Any, kind: int = 8) -> bytes:
    array = np.asarray(array, dtype="uint8")
    return struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape) + array.tobytes()


PIXELS = np.random.default_rng(3).integers(0, 256, (5, 4, 3), dtype="uint8")


@pytest.mark.parametrize("zipped", [False, True])
def test_idx_files_are_read_in_pairs(zipped: bool, write: Put, read_raw: Read) -> None:
    for part, pixels in (("train", PIXELS), ("t10k", PIXELS[:2])):
        for what, array in (("images-idx3", pixels), ("labels-idx1", np.arange(len(pixels)) + 7)):
            content = gzip.compress(idx(array)) if zipped else idx(array)
            write(content, f"raw/{part}-{what}-ubyte{'.gz' if zipped else ''}")
    raw = read_raw()
    columns = columns_of(raw)
    assert columns["label"] == ["7", "8", "7", "8", "9", "10", "11"]
    assert columns["part"] == ["test"] * 2 + ["train"] * 5
    assert [np.asarray(decoded(content_of(cell)))[..., 0].tolist() for cell in columns["picture"][2:]] == PIXELS.tolist()
    assert columns["picture"][0].startswith("data:image/png;base64,")
    assert [file.files for file in raw.files] == [2, 2]
    assert raw.files[0].written == "greyscale pictures of 3 × 4 pixels with one label each (IDX)"


@pytest.mark.parametrize(
    ("pictures", "labels", "words"),
    [
        (idx(PIXELS), idx(np.arange(4)), "holds 5 pictures, but raw/train-labels-idx1-ubyte holds 4 labels"),
        (idx(PIXELS)[:-1], idx(np.arange(5)), "5 × 4 × 3 bytes (60 in total), but 59 follow; the file is truncated"),
        (idx(PIXELS)[:9], idx(np.arange(5)), "is truncated"),
        (idx(PIXELS, kind=13), idx(np.arange(5)), "labels with 00 00 08 01; this file begins with 00 00 0d 03"),
        (idx(PIXELS), idx(np.arange(5), kind=9), "this file begins with 00 00 09 01"),
        (idx(PIXELS), b"", "this file begins with nothing"),
        (gzip.compress(idx(PIXELS), mtime=0)[:-9], idx(np.arange(5)), "gzip file is damaged or truncated"),
        (None, idx(np.arange(5)), "this file of labels has no file of pictures"),
        (idx(PIXELS), None, "this file of pictures has no file of labels"),
    ],
)
def test_invalid_idx_files_are_errors(
    pictures: bytes | None, labels: bytes | None, words: str, write: Put, read_raw: Read
) -> None:
    for name, content in (("images-idx3", pictures), ("labels-idx1", labels)):
        if content is not None:
            write(content, f"raw/train-{name}-ubyte")
    with pytest.raises(DataError) as caught:
        read_raw()
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


def test_coco_boxes_are_read_by_picture(write: Put, read_raw: Read) -> None:
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
    raw = read_raw()
    columns = columns_of(raw)
    assert list(columns) == ["picture", "boxes", "file", "part"]
    assert [json.loads(cell) for cell in columns["boxes"]] == [
        [[10, 60, 5, 5.12, "a hen"], [20, 10, 30.5, 40, "a hen"]],
        [],
        [[0, 70, 15, 10, "a hen"]],
    ]
    assert (columns["file"], columns["part"]) == (["0.jpg", "1.jpg", "2.jpg"], ["val"] * 3)
    assert raw.notes == [
        "1 annotation without a box of four numbers was skipped.",
        "1 picture without an entry in the annotations was skipped.",
        "1 box extended beyond the picture and was clipped.",
        "2 boxes without area were dropped.",
    ]
    assert (raw.files[0].written, raw.files[0].files) == ("pictures (JPEG) with COCO boxes", 5)


def test_the_order_of_boxes_does_not_matter(write: Put, read_raw: Read) -> None:
    hens(write, 1)
    boxes = [(0, [20, 10, 30, 40]), (0, [3, 10, 30, 40])]
    write(coco({0: "0.jpg"}, boxes), "raw/a.json")
    first = columns_of(read_raw())["boxes"]
    write(coco({0: "0.jpg"}, boxes[::-1]), "raw/a.json")
    assert columns_of(read_raw())["boxes"] == first


def test_crowd_boxes_are_skipped_with_a_note(write: Put, read_raw: Read) -> None:
    hens(write, 1)
    write(coco({0: "0.jpg"}, [(0, [1, 1, 9, 9]), (0, [2, 2, 9, 9])], iscrowd=1), "raw/a.json")
    raw = read_raw()
    assert columns_of(raw)["boxes"] == ["[]"]
    assert raw.notes == ["2 crowd boxes were skipped."]


def test_pictures_with_doubtful_boxes_are_quarantined(write: Put, read_raw: Read) -> None:
    hens(write, 60)
    names = {i: f"{i}.jpg" for i in range(63)}
    write(rotated(6), "raw/images/60.jpg")
    write(photo(size=(50, 40)), "raw/images/61.jpg")
    write(coco(names, []), "raw/a.json")
    reasons = {row["text"]: row["reason"] for row in read_raw().quarantine.to_dict("records")}
    assert reasons == {
        "raw/images/60.jpg": "EXIF rotates this picture, and its boxes may refer to the unrotated one",
        "raw/images/61.jpg": "the size of the picture differs from the size in the annotations",
        "62.jpg": "the picture is not among the files of data.path",
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (coco({0: "0.jpg"}, []).replace("file_name", "name"), "does not follow the COCO format: 'file_name' is missing"),
        (coco({0: "0.jpg"}, [])[:-9], "looks like a COCO annotation file but is not valid JSON"),
        (coco({0: "x.jpg"}, []), "none of the annotated pictures is among the files"),
        (coco({0: "0.jpg", 1: "images/0.jpg"}, []), "raw/images/0.jpg is annotated twice"),
    ],
)
def test_invalid_coco_files_are_errors(content: str, words: str, write: Put, read_raw: Read) -> None:
    hens(write)
    write(content, "raw/a.json")
    with pytest.raises(DataError) as caught:
        read_raw()
    assert words in str(caught.value)


def test_coco_files_without_pictures_are_an_error(write: Put, read_raw: Read) -> None:
    write(coco({0: "0.jpg"}, []), "raw/a.json")
    with pytest.raises(DataError, match=r"data.path includes no picture file; let data.path include both"):
        read_raw()


@pytest.mark.parametrize("names", ["names: [cock, hen]", "names: {0: cock, 1: hen}", None])
def test_yolo_boxes_are_read_by_picture(names: str | None, write: Put, read_raw: Read) -> None:
    hens(write, 3, "images/train")
    write("1 0.5 0.5 0.2 0.25\n0 0.95 0.5 0.2 0.5\n", "raw/labels/train/0.txt")
    write("", "raw/labels/train/1.txt")
    if names:
        write(f"path: x\n{names}\n", "raw/data.yaml")
    raw = read_raw()
    columns = columns_of(raw)
    cock, hen = ("cock", "hen") if names else ("0", "1")
    assert list(columns) == ["picture", "boxes", "file", "part"]
    assert [json.loads(cell) for cell in columns["boxes"]] == [[[40, 30, 20, 20, hen], [85, 20, 15, 40, cock]], [], []]
    assert columns["part"] == ["train"] * 3
    assert raw.notes == [
        "1 picture without a label file: read as without boxes.",
        "1 box extended beyond the picture and was clipped.",
    ]
    assert raw.files[0].written == "pictures (JPEG) with YOLO boxes"


def test_yolo_labels_may_be_beside_their_pictures(write: Put, read_raw: Read) -> None:
    hens(write, 1, "all")
    write("0 0.5 0.5 1 1\n", "raw/all/0.txt")
    write("hen\n", "raw/all/classes.txt")
    raw = read_raw()
    assert columns_of(raw)["boxes"] == ['[[0, 0, 100, 80, "hen"]]']
    assert raw.notes == []


def test_pictures_with_invalid_labels_are_quarantined(write: Put, read_raw: Read) -> None:
    hens(write, 100)
    wrong = ["0 0.5 0.5 0.1", "0 40 30 20 20", "0.5 0.5 0.5 0.1 0.1", "7 0.5 0.5 0.1 0.1", "a 0.5 0.5 0.1 0.1"]
    for i in range(100):
        write(wrong[i] if i < len(wrong) else "0 0.5 0.5 0.1 0.1", f"raw/labels/{i}.txt")
    write("names: [hen]", "raw/data.yaml")
    reasons = {row["text"]: row["reason"] for row in read_raw().quarantine.to_dict("records")}
    assert reasons == {
        "raw/images/0.jpg": "a label line that is neither a class and four numbers nor a class and the corners of a polygon",
        "raw/images/1.jpg": "a label line whose numbers are not fractions of the picture's size, 0 to 1",
        "raw/images/2.jpg": "a label line whose class is not a whole number",
        "raw/images/3.jpg": "a class that data.yaml does not name",
        "raw/images/4.jpg": "a label line with a word that is not a number",
    }


def test_a_polygon_is_read_as_the_box_around_it(write: Put, read_raw: Read) -> None:
    hens(write, 1)
    write("0 0.2 0.1 0.6 0.1 0.4 0.5", "raw/labels/0.txt")
    write("names: [hen]", "raw/data.yaml")
    [[left, top, width, height, label]] = json.loads(columns_of(read_raw())["boxes"][0])
    assert label == "hen"
    assert [left, top, width, height] == pytest.approx([20, 8, 40, 32])


def test_annotations_of_unlisted_pictures_are_skipped_and_counted(write: Put, read_raw: Read) -> None:
    hens(write)
    write(coco({0: "0.jpg"}, [(0, [1, 1, 9, 9]), (9, [1, 1, 9, 9])]), "raw/a.json")
    raw = read_raw()
    assert len(json.loads(columns_of(raw)["boxes"][0])) == 1
    assert any("1 annotation of a picture that the file does not list was skipped" in note for note in raw.notes)


def test_captions_beside_pictures_are_not_labels(write: Put, read_raw: Read) -> None:
    hens(write, 1)
    write("a hen on a wall", "raw/images/0.txt")
    raw = read_raw()
    assert list(columns_of(raw)) == ["picture", "folder", "file"]
    assert "raw/images/0.txt" in raw.notes[-1]


# -------------------------------------------------------------------------------------------------- end to end


def test_pictures_are_ingested_end_to_end(write: Put, read_raw: Read, tmp_path: Path) -> None:
    for part, count in (("train", 20), ("test", 6)):
        for i in range(count):
            write(photo(i, form="PNG"), f"raw/{part}/{'cats' if i % 2 else 'dogs'}/{i}.png")
    data = Data(path="raw", target="folder", features=["picture"])
    request = Request(name="a", task="computer_vision", data=data, split=Split(by="column", column="part"), folds=2)
    raw, _ = read(request, tmp_path)
    parts = split(raw.cells, request)
    schema = infer_schema(parts.train, request)
    snapshot = conform_parts(parts, schema)
    assert (len(snapshot.train), len(snapshot.holdout)) == (20, 6)
    assert [column.kind for column in schema.features] == ["picture"]
    assert quality.data_summary(raw, parts).facts["files"] == 26
    assert quality.duplicates(parts, schema).facts["of these, on both sides of the split"] == 12
    for finding in (quality.types(schema), quality.missing(schema, snapshot), quality.repairs(raw, snapshot)):
        assert "base64" not in finding.model_dump_json()
