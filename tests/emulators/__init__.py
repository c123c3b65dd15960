"""Emulators of providers, one folder each: stateful servers in processes of their own. They import nothing of ftkit."""
