"""The recipe: one training loop that fine-tunes MobileNetV2 on Food-11, and what it needs."""
