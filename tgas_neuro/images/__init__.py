"""Images with classes: folders, decoding, augmentation."""
