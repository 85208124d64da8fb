"""Data sets: `food11.prepare` organises and checks Food-11, `mini.make` makes a small stand-in for it."""
