"""What a training run is remembered by; imports nothing, so that a card can be written without the nets."""

SETTINGS = (
    "rows", "length", "rate", "falling", "muon",
    "trunk", "width", "layers", "hidden", "dropout", "seed", "device", "workers",
)  # fmt: skip
