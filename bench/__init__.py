"""What it costs: each figure beside a floor measured in the same run, on 127.0.0.1 only. `make bench` runs it."""
