"""A hosted fine-tuning provider in memory, as a loopback HTTP server: the witness that counts jobs and money.

It shares no code with the rest of ftkit, so that it cannot share its mistakes, and needs only the standard library.
Run it by path, `python -I .../hosted_server --ready-file F`; `ftkit.testing.HostedProvider` does that.
What it serves is listed in `training_routes` and `inference_routes`, how tests steer it in `control_routes`.
"""
