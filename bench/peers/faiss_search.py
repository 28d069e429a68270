"""Exact search by faiss, one round per line of stdin: the line says the threads, the answer is one JSON object.

    OPENBLAS_CORETYPE=SkylakeX python3 faiss_search.py gallery.f32 queries.f32 --dimensions 128 --k 10

Both files hold rows of little-endian float32. Queries are split over threads of this process, each of which lets faiss use one:
faiss's own threads are slower. Without OPENBLAS_CORETYPE its OpenBLAS may choose kernels of an older CPU.
"""

import argparse
import concurrent.futures
import json
import sys
import time

import faiss
import numpy


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("gallery")
    parser.add_argument("queries")
    parser.add_argument("--dimensions", type=int, default=128)
    parser.add_argument("--k", type=int, default=10)
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatL2(arguments.dimensions)
    index.add(numpy.fromfile(arguments.gallery, dtype="<f4").reshape(-1, arguments.dimensions))
    queries = numpy.fromfile(arguments.queries, dtype="<f4").reshape(-1, arguments.dimensions)

    def search(part):
        faiss.omp_set_num_threads(1)  # of this thread
        return index.search(part, arguments.k)[1]

    print(json.dumps({"faiss": faiss.__version__}), flush=True)
    for line in sys.stdin:
        wanted = json.loads(line)
        threads, some = wanted["threads"], queries[:wanted["queries"]]
        parts = numpy.array_split(some, min(threads, len(some)))
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            start = time.perf_counter()
            found = list(pool.map(search, parts))
            seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "indices": numpy.concatenate(found).flatten().tolist()}), flush=True)


if __name__ == "__main__":
    main()
