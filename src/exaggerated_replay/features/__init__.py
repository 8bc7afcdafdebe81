"""From images to frozen convolutional features: the encoder, its pre-training, and what it computes."""
