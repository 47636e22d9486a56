"""Every language has every text."""

from translations import texts


def test_every_catalogue_is_complete() -> None:
    """What scripts/texts would change is written here: run it, and translate what is new."""
    template = texts.wanted()
    assert len(template) > 500
    for name, file in texts.catalogues().items():
        assert not [*texts.missing(texts.read(name, file), template)], f"run scripts/texts, and translate: {name}"
        assert file.read_bytes() == texts.written(texts.read(name, file), template), f"run scripts/texts: {name}"
