"""Fine-tuning and answering on this machine, with PyTorch and PEFT."""
