"""From packed clips to training batches: draws, augmentation, data echoing."""
