"""Parquet files as pyarrow writes them, one for each way to pack: writes parquet/ beside this file."""
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

out = Path(__file__).parent / "parquet"
out.mkdir(exist_ok=True)
rows = 60
table = pa.table(
    {
        "id": list(range(rows)),
        "text": [f"Text {i}: {'é' * (i % 3)} and {'more ' * (i % 5)}" for i in range(rows)],
        "choices": [[f"c{i}", f"d{i}"] for i in range(rows)],
        "missing": [None if i == 7 else "x" for i in range(rows)],
    }
)
for packed in ["none", "snappy", "gzip", "zstd", "brotli", "lz4"]:
    pq.write_table(table, out / f"{packed}.parquet", compression=packed, row_group_size=25)
