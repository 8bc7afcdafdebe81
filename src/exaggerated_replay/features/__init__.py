"""From images to frozen convolutional features: the encoder, its pre-training, and what it computes."""

# Versions, which are part of the names of encoders and of what is learned from their features: raise the one by one
# where other weights come out of the same pre-training, the other where other features come out of the same weights.
PRETRAINING = 1
EXTRACTION = 1
