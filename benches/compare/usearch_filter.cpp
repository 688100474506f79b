// usearch's filtered search beside ours: see filters.py. BASE QUERIES MASK.. -> lines of JSON.
#include <algorithm>
#include <bitset>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <usearch/index_dense.hpp>

using namespace unum::usearch;

static std::vector<char> read(char const* path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

static double cpu() {
    timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return at.tv_sec * 1e6 + at.tv_nsec / 1e3;
}

int main(int argc, char** argv) {
    constexpr std::size_t bits = 128, width = bits / 8, k = 10;
    std::vector<char> base = read(argv[1]), queries = read(argv[2]);
    std::size_t n = base.size() / width, n_queries = queries.size() / width;
    metric_punned_t metric(bits, metric_kind_t::hamming_k, scalar_kind_t::b1x8_k);
    index_dense_t index = index_dense_t::make(metric);
    std::size_t threads = std::max(1u, std::thread::hardware_concurrency());
    if (!index.try_reserve(index_limits_t(n, threads))) return 1;
    auto at = [&](std::vector<char> const& codes, std::size_t i) { return (b1x8_t const*)(codes.data() + i * width); };
    auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> workers;
    for (std::size_t t = 0; t < threads; ++t)
        workers.emplace_back([&, t] {
            for (std::size_t i = t; i < n; i += threads) index.add(i, at(base, i), t);
        });
    for (auto& worker : workers) worker.join();
    double build = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    auto distance = [&](std::size_t id, std::size_t q) {
        std::uint64_t const* a = (std::uint64_t const*)at(base, id);
        std::uint64_t const* b = (std::uint64_t const*)at(queries, q);
        return __builtin_popcountll(a[0] ^ b[0]) + __builtin_popcountll(a[1] ^ b[1]);
    };
    for (int m = 3; m < argc; ++m) {
        std::vector<char> mask = read(argv[m]);
        std::vector<std::uint32_t> passing;
        for (std::size_t i = 0; i < n; ++i)
            if (mask[i]) passing.push_back(i);
        std::vector<int> last(n_queries);
        for (std::size_t q = 0; q < n_queries; ++q) {
            std::vector<int> all(passing.size());
            for (std::size_t i = 0; i < passing.size(); ++i) all[i] = distance(passing[i], q);
            std::nth_element(all.begin(), all.begin() + (k - 1), all.end());
            last[q] = all[k - 1];
        }
        for (std::size_t expansion : {64, 256, 1024}) {
            index.change_expansion_search(expansion);
            auto passes = [&](index_dense_t::vector_key_t key) { return mask[key] != 0; };
            std::size_t found = 0, visits = 0;
            double began = cpu();
            std::vector<std::vector<index_dense_t::vector_key_t>> hits(n_queries, std::vector<index_dense_t::vector_key_t>(k));
            std::vector<std::size_t> counts(n_queries);
            for (std::size_t q = 0; q < n_queries; ++q) {
                auto result = index.filtered_search(at(queries, q), k, passes);
                counts[q] = result.dump_to(hits[q].data());
                visits += result.computed_distances;
            }
            double us = (cpu() - began) / n_queries;
            for (std::size_t q = 0; q < n_queries; ++q)
                for (std::size_t i = 0; i < counts[q]; ++i) found += distance(hits[q][i], q) <= last[q];
            std::printf(
                "{\"rival\": \"usearch\", \"mask\": \"%s\", \"passing\": %zu, \"expansion\": %zu, \"recall\": %.5f, \"us\": %.2f, "
                "\"visits\": %.1f, \"build_wall_s\": %.1f}\n",
                argv[m], passing.size(), expansion, double(found) / (n_queries * k), us, double(visits) / n_queries, build);
            std::fflush(stdout);
        }
    }
}
