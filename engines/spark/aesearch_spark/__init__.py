"""aesearch on Apache Spark: codes of images, near pairs, duplicates.

| module | question |
|---|---|
| ``encoding`` | images in, codes and latents out |
| ``bands`` | which bits of two near codes must be alike? |
| ``pairs`` | which codes, and which images, are within a radius? |
| ``joins`` | joins of keys of which some are far more frequent than others |
| ``verifying`` | how similar are the images of a pair? |
| ``groups`` | which nodes are connected by edges? |
| ``plans`` | a plan for ``aesearch dedupe apply`` |
"""

from aesearch_spark.encoding import encode
from aesearch_spark.groups import connected
from aesearch_spark.pairs import near_codes, near_pairs
from aesearch_spark.plans import find_duplicates, write_plan
from aesearch_spark.verifying import verify

__all__ = ["connected", "encode", "find_duplicates", "near_codes", "near_pairs", "verify", "write_plan"]
