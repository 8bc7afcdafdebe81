"""What the losses do inside the network, from what runs kept at task ends."""
