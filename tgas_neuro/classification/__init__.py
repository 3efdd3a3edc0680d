"""The classification data: images in folders, one per class, as ImageNet has them."""
