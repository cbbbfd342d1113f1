// How fast a PostgreSQL store takes answers, beside bare inserts of the same rows; a private server
// with durable commits, on a Unix socket. CPU time is that of both: this process and the server's.
#include <algorithm>
#include <benchmark/benchmark.h>
#include <filesystem>
#include <fstream>
#include <libpq-fe.h>
#include <random>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/store/private_postgres.hpp"
#include "tests/store/samples.hpp"
#include "verifier/store/postgres/parameters.hpp"
#include "verifier/store/postgres_store.hpp"
#include "verifier/store/sql/connection.hpp"

namespace vigil::verifier {
namespace {

using namespace samples;

constexpr std::uint64_t node_count = 2'000;
constexpr std::size_t signed_size = 32 + 32 + 4 + 32 + 32 + 4 + 256 * 8 + 8;  // a roll call of one

PrivatePostgres& server() {
    static PrivatePostgres one{{"shared_buffers=512MB", "max_wal_size=4GB", "wal_compression=off"}};
    return one;
}

double own_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// Of the server's processes that live now; those of connections stay as long as a benchmark.
double server_seconds() {
    double ticks = 0;
    for (const auto& process : std::filesystem::directory_iterator{"/proc"}) {
        std::ifstream stat{process.path() / "stat"};
        std::string line, skipped;
        if (!std::getline(stat, line) || line.find("(postgres)") == std::string::npos) continue;
        std::istringstream fields{line.substr(line.rfind(')') + 2)};
        for (int i = 0; i < 11; ++i) fields >> skipped;
        double user = 0, system = 0;
        fields >> user >> system;
        ticks += user + system;
    }
    return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

/// Counts CPU time while it lives, per item.
class Cpu {
public:
    explicit Cpu(benchmark::State& state) : state_{state} {}
    Cpu(const Cpu&) = delete;
    Cpu& operator=(const Cpu&) = delete;
    ~Cpu() {
        const auto items = static_cast<double>(state_.iterations() * state_.range(0));
        state_.counters["client_us"] = (own_seconds() - own_) * 1e6 / items;
        state_.counters["server_us"] = (server_seconds() - server_) * 1e6 / items;
        state_.SetItemsProcessed(state_.iterations() * state_.range(0));
    }

private:
    benchmark::State& state_;
    const double own_ = own_seconds(), server_ = server_seconds();
};

/// Enrolled once, written to by every benchmark.
struct Fleet {
    std::string uri = server().fresh_schema();
    std::vector<DeviceRecord> devices;
    std::uint64_t answers = 0;
    std::minstd_rand chance{1};  // what is signed is nonces, which nothing shrinks

    Fleet() {
        open_postgres_store(uri)->write([&](Transaction& tx) {
            for (std::uint64_t n = 0; n < node_count; ++n) {
                auto owner = node(static_cast<std::uint8_t>(n * 2'654'435'761 >> 8), n);
                std::vector<DeviceRecord> named{device(owner.id.bytes[0], n)};
                tx.enrol(entry(owner.id, static_cast<std::int64_t>(n)), owner, named);
                devices.insert(devices.end(), named.begin(), named.end());
            }
        });
    }

    std::vector<AnswerRecord> batch(std::size_t rows) {
        std::vector<AnswerRecord> out;
        for (std::size_t i = 0; i < rows; ++i) {
            const std::uint64_t n = answers++;
            const auto& d = devices[n % devices.size()];
            out.push_back(answer(d.node, {hourly(d.ref, 4'000'000 + n / devices.size())}, n));
            auto& message = out.back().signed_bytes;
            message.resize(signed_size);
            for (auto& byte : message) byte = static_cast<std::uint8_t>(chance() >> 8);
            out.back().verdicts[0].judgement.reason =
                "rate 1,234,567,890 H/s against 0.700000 of the baseline 1,234,567,890 H/s: passed";
        }
        return out;
    }
};

void record_batches(benchmark::State& state, PostgresSettings settings) {
    static Fleet fleet;
    settings.uri = fleet.uri;
    const auto store = open_postgres_store(settings);
    const auto round = [&] {
        const auto batch = fleet.batch(static_cast<std::size_t>(state.range(0)));
        std::vector<const AnswerRecord*> pointers;
        for (const auto& one : batch) pointers.push_back(&one);
        benchmark::DoNotOptimize(store->record(pointers));
    };
    round();  // connects and prepares
    const Cpu cpu{state};
    for (auto _ : state) round();
}

void answers_one_connection(benchmark::State& state) {
    record_batches(state, {.uri = {}, .answer_writers = 1});
}
void answers_two_connections(benchmark::State& state) {
    record_batches(state, {.uri = {}, .answer_writers = 2});
}
void answers_bucket_by_bucket(benchmark::State& state) {
    record_batches(state, {.uri = {}, .answer_writers = 4, .bucket_transactions = true});
}
BENCHMARK(answers_one_connection)->Arg(16)->Arg(64)->Arg(256)->UseRealTime()->MinTime(2);
BENCHMARK(answers_two_connections)->Arg(64)->Arg(256)->UseRealTime()->MinTime(2);
BENCHMARK(answers_bucket_by_bucket)->Arg(64)->Arg(256)->UseRealTime()->MinTime(2);

/// The yardstick: the same bytes as two rows of append-ordered tables with one index each, by
/// arrays, one round trip and one commit a batch; no checks.
void bare_rows(benchmark::State& state) {
    PrivatePostgres& postgres = server();
    postgres.run(
        "DROP TABLE IF EXISTS bare_answers, bare_verdicts;"
        "CREATE TABLE bare_answers (bucket INTEGER, number BIGINT, id BYTEA, signature BYTEA,"
        " signed_bytes BYTEA, PRIMARY KEY (bucket, number));"
        "CREATE TABLE bare_verdicts (bucket INTEGER, number BIGINT, challenge BYTEA, a BIGINT,"
        " b BIGINT, c BIGINT, d BIGINT, e BIGINT, f BIGINT, reason TEXT,"
        " PRIMARY KEY (bucket, number));"
        "ALTER TABLE bare_answers ALTER COLUMN signed_bytes SET STORAGE EXTERNAL;"
        "ALTER TABLE bare_answers SET (toast_tuple_target = 8160)");
    const std::unique_ptr<PGconn, decltype(&PQfinish)> db{PQconnectdb(postgres.uri().c_str()),
                                                          PQfinish};
    const std::vector<Oid> types{23, 20, 17, 17, 17, 25};
    const char* text =
        "WITH i AS (SELECT * FROM unnest($1::int4[], $2::int8[], $3::bytea[], $4::bytea[],"
        " $5::bytea[], $6::text[]) AS i(b, n, id, s, m, t)),"
        " one AS (INSERT INTO bare_answers SELECT b, n, id, s, m FROM i)"
        " INSERT INTO bare_verdicts SELECT b, n, id, 1, 2, 3, 4, 5, 6, t FROM i";
    PQclear(PQprepare(db.get(), "put", text, 0, nullptr));
    ByteVector message(signed_size);
    std::minstd_rand chance{1};
    for (auto& byte : message) byte = static_cast<std::uint8_t>(chance() >> 8);
    const AnswerId id = bytes<AnswerId>(1, 1);
    const Signature signature = bytes<Signature>(1, 1);
    const std::string reason(84, 'r');
    std::int64_t n = 0;
    {
        const Cpu cpu{state};
        for (auto _ : state) {
            std::vector<sql::Value> rows;
            for (std::int64_t i = 0; i < state.range(0); ++i, ++n)
                for (const auto& value : sql::row(static_cast<std::uint8_t>(n * 2'654'435'761 >> 8),
                                                  n, id, signature, message, reason))
                    rows.push_back(value);
            const auto parameters = postgres::Parameters::columns(rows, types);
            PGresult* result =
                PQexecPrepared(db.get(), "put", parameters.count(), parameters.pointers(),
                               parameters.lengths(), parameters.formats(), 1);
            if (PQresultStatus(result) != PGRES_COMMAND_OK)
                state.SkipWithError(PQresultErrorMessage(result));
            PQclear(result);
        }
    }
}
BENCHMARK(bare_rows)->Arg(16)->Arg(64)->Arg(256)->UseRealTime()->MinTime(2);

}  // namespace
}  // namespace vigil::verifier

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (!vigil::verifier::PrivatePostgres::programs()) {
        std::puts("SKIPPED: PostgreSQL is not installed");
        return 0;
    }
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
