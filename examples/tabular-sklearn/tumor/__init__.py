"""Tells malignant from benign breast tumors by the shape of their cell nuclei."""
