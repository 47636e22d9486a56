"""Names and CSVs into pupils, and names into uids."""

import pytest

from model.groups import roster
from pottle.errors import Invalid


def names(text: str) -> list[str]:
    return [pupil.name for pupil in roster.from_csv(text)]


def complaints(text: str) -> dict[str, str]:
    """What is wrong, by line."""
    with pytest.raises(Invalid) as refused:
        roster.from_csv(text)
    errors = refused.value.extra["errors"]
    assert isinstance(errors, list)
    return {error["field"]: error["message"] for error in errors}


def test_it_works() -> None:
    pupils = roster.from_csv("first name,last name\nAnna,Schmidt\nBen,Müller\n")
    assert [(pupil.where, pupil.name, pupil.uid) for pupil in pupils] == [
        ("line 2", "Anna Schmidt", None),
        ("line 3", "Ben Müller", None),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Anna Schmidt\nBen Müller",
        "Anna,Schmidt\nBen,Müller\n",
        "Anna;Schmidt\r\nBen;Müller\r\n",
        "Anna\tSchmidt\nBen\tMüller",
        "\ufeffAnna;Schmidt\nBen;Müller",
        "\n\nAnna,Schmidt\n , \n\nBen,Müller\n,\n",
        "  Anna ,  Schmidt \nBen,Müller,",
        '"Anna","Schmidt"\n"Ben",Müller',
        "Name\nAnna Schmidt\nBen Müller",
        "Vorname;Name\nAnna;Schmidt\nBen;Müller",
        "Nachname;Vorname;Klasse\nSchmidt;Anna;7b\nMüller;Ben;7b",
        "No,Student,Mark\n1,Anna Schmidt,A\n2,Ben Müller,B",
        "First Name,Last Name,\nAnna,Schmidt,\nBen,Müller,",
    ],
)
def test_it_reads_what_schools_write(text: str) -> None:
    assert names(text) == ["Anna Schmidt", "Ben Müller"]


@pytest.mark.parametrize(
    "heading",
    [
        *(
            "Ism Familiya",
            "Familiya Ism Sharif",
            "F.I.Sh.",
            "ФИО",
            "Фамилия Имя Отчество",
            "Ad Soyad",
            "Adı Soyadı",
            "姓名",
            "氏名",
        ),
        *("이름", "Họ và tên", "Nom et prénom", "Vor- und Nachname", "Nombre y apellidos", "Cognome e nome"),
        *("Imię i nazwisko", "NAME", "Full_Name:", "नाम", "الاسم", "שם מלא", "Nom", "Имя", "O'quvchi", "O\u02bbquvchi"),
    ],
)
def test_headings_in_other_languages_are_no_pupils(heading: str) -> None:
    assert names(f"{heading}\nAnna Schmidt\nBen Müller") == ["Anna Schmidt", "Ben Müller"]


@pytest.mark.parametrize(
    "heading",
    ["Ism,Familiya", "Имя;Фамилия;Класс", "Prénom,Nom", "Nombre,Apellidos", "Adı\tSoyadı", "Vorname,Zuname", "名,姓"],
)
def test_nor_are_two(heading: str) -> None:
    separator = next(mark for mark in ";\t," if mark in heading)
    rows = "\n".join(separator.join((*row, "7b")) for row in (("Anna", "Schmidt"), ("Ben", "Müller")))
    assert names(f"{heading}\n{rows}") == ["Anna Schmidt", "Ben Müller"]


@pytest.mark.parametrize(
    "first", ["Nome Rossi", "Ad Astra", "Ime Okon", "Jina Park", "Anh,Họ", "Ma,Nom", "Last Samurai"]
)
def test_a_pupil_is_no_heading(first: str) -> None:
    assert names(f"{first}\nAnna Schmidt")[0] == first.replace(",", " ")


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("Anna Dee,17", "17"),
        ("1,Anna Dee", "1"),
        ("17", "17"),
        ("Anna Dee;2010-05-01", "2010-05-01"),
        ("Anna Dee,anna@school.example", "anna@school.example"),
        ("Anna Dee,5b", "5b"),
        ("Anna Dee,+1 555 0100", "+1 555 0100"),
        ("Anna Dee,\u0661\u0667", "\u0661\u0667"),
    ],
)
def test_a_number_is_no_name(line: str, what: str) -> None:
    (said,) = complaints(f"{line}\n{line}").values()
    assert f"has {what} where a" in said
    assert "name,uid" in said


def test_a_digit_may_tell_namesakes_apart() -> None:
    assert names("Anna Schmidt 1\nAnna Schmidt 2") == ["Anna Schmidt 1", "Anna Schmidt 2"]


def test_a_uid_may_be_given() -> None:
    assert [pupil.uid for pupil in roster.from_csv("name,uid\nAnna Schmidt,as7\nBen Müller,\n")] == ["as7", None]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_it_reads_the_encodings_of_spreadsheets(encoding: str) -> None:
    assert names(roster.decoded("Zoë;Müller".encode(encoding))) == ["Zoë Müller"]


def test_every_wrong_line_is_named() -> None:
    text = f"name,uid\nAnna Schmidt,\n,as7\n{'n' * 81},\nBen,a b\nAnna Schmidt,\nCem,cem\nCem B,CEM"
    assert complaints(text) == {
        "line 3": "Line 3 has no name.",
        "line 4": "Line 4 has a name that cannot be used: it must have at most 80 characters.",
        "line 5": "Line 5 has the user name a b: it must have 2 to 40 letters a to z, digits, dots, hyphens or "
        "underscores, without spaces, and begin with a letter or digit.",
        "line 6": "Line 6 is Anna Schmidt again, as line 2 is; tell the two apart.",
        "line 8": "Line 8 is CEM again, as line 7 is; tell the two apart.",
    }


def test_namesakes_are_told_apart_by_their_uids() -> None:
    assert len(names("name,uid\nAnna Schmidt,anna1\nAnna Schmidt,anna2")) == 2


def test_a_third_column_needs_headings() -> None:
    assert complaints("Anna,Schmidt,7b") == {
        "line 1": "Line 1 has more than two columns; say in a first line what the columns are, such as name,uid."
    }


def test_a_quote_that_does_not_end_is_told() -> None:
    assert complaints('Anna\n"Ben\nCem').popitem()[1].startswith("Line 3 is not CSV")


@pytest.mark.parametrize("text", ["", "\n", "name\n", "first name,last name"])
def test_it_rejects_nobody(text: str) -> None:
    assert complaints(text) == {"": "A class list has 1 to 500 names, not 0."}


def test_it_rejects_too_many() -> None:
    assert complaints("\n".join(f"Pupil {number}" for number in range(501))).keys() == {""}


def test_control_characters_are_told() -> None:
    assert complaints("Anna\nB\x07en").keys() == {"line 2"}


@pytest.mark.parametrize(
    ("name", "uid"),
    [
        ("Anna Schmidt", "anna.schmidt"),
        ("Ben Müller", "ben.muller"),
        ("Jürgen Groß", "jurgen.gross"),
        ("Łucja Øre-Æbelø", "lucja.ore-aebelo"),
        ("Miles O'Brien", "miles.obrien"),
        ("Đặng Thị Hoa", "dang.thi.hoa"),
        ("José María de la Cruz", "jose.maria.de.la.cruz"),
        ("J. R. R. Tolkien", "j.r.r.tolkien"),
        ("-Anna- -", "anna"),
        ("X", "user.x"),
        ("Ольга", "user"),
        ("李雷", "user"),
        ("n" * 80, "n" * 36),
    ],
)
def test_a_uid_is_made_of_a_name(name: str, uid: str) -> None:
    assert roster.uid_from(name) == uid
