#include "node/journal.hpp"

#include <algorithm>
#include <fcntl.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "proto/edge/files.hpp"

namespace vigil::node {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

constexpr std::size_t progress_limit = 256 * 1024;
constexpr std::size_t outbox_limit = 16 * 1024 * 1024;
constexpr std::size_t nonce_limit = 4096;
constexpr std::size_t proof_limit = 64;
constexpr std::size_t kept_limit = 1'024;

template <class Fixed>
Fixed bytes_at(const json& object, const char* key) {
    auto value = from_hex<Fixed>(object.at(key).get<std::string>());
    if (!value) throw std::runtime_error{std::string{key} + ": " + value.error()};
    return *value;
}

json to_json(const Proof& proof) {
    return {{"device_id", to_hex(proof.device)},
            {"challenge", to_hex(proof.challenge)},
            {"nonces", proof.nonces},
            {"hashes_tried", proof.hashes_tried}};
}

Proof proof_from(const json& object) {
    Proof proof{bytes_at<DeviceId>(object, "device_id"), bytes_at<Challenge>(object, "challenge"),
                object.at("nonces").get<std::vector<std::uint64_t>>(), object.at("hashes_tried")};
    if (proof.nonces.size() > nonce_limit) throw std::runtime_error{"more than 4,096 nonces"};
    return proof;
}

json proofs_json(const Answer& answer) {
    json proofs = json::array();
    for (const Proof& proof : answer.proofs) proofs.push_back(to_json(proof));
    return proofs;
}

std::vector<Proof> proofs_from(const json& list) {
    if (list.size() > proof_limit) throw std::runtime_error{"more than 64 proofs"};
    std::vector<Proof> proofs;
    for (const json& entry : list) proofs.push_back(proof_from(entry));
    return proofs;
}

/// A new file's name is durable only once its folder is.
bool sync_folder(const fs::path& file) {
    const int fd = ::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = fd >= 0 && ::fsync(fd) == 0;
    if (fd >= 0) ::close(fd);
    return synced;
}

std::string progress_text(const Progress& p) {
    return json{
        {"device_id", to_hex(p.device)}, {"challenge", to_hex(p.challenge)}, {"k", p.k},
        {"next_nonce", p.next_nonce},    {"hashes_tried", p.hashes_tried},   {"nonces", p.nonces}}
        .dump();
}

}  // namespace

ProgressFiles::ProgressFiles(fs::path data_dir)
    : data_dir_{std::move(data_dir)}, writer_{[this] { write_until_stopped(); }} {}

ProgressFiles::~ProgressFiles() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    changed_.notify_all();
    writer_.join();
}

fs::path ProgressFiles::file(const DeviceId& device) const {
    return data_dir_ / ("progress-" + to_hex(device).substr(0, 16) + ".json");
}

void ProgressFiles::put(Progress progress) {
    const std::lock_guard lock{mutex_};
    const DeviceId device = progress.device;
    waiting_[device] = std::move(progress);
    changed_.notify_all();
}

std::optional<Progress> ProgressFiles::find(const DeviceId& device,
                                            const Challenge& challenge) const {
    try {
        const std::string text = edge::read_file_or_empty(file(device), progress_limit);
        if (text.empty()) return std::nullopt;
        const json saved = json::parse(text);
        Progress progress{bytes_at<DeviceId>(saved, "device_id"),
                          bytes_at<Challenge>(saved, "challenge"),
                          saved.at("k"),
                          saved.at("next_nonce"),
                          saved.at("hashes_tried"),
                          saved.at("nonces").get<std::vector<std::uint64_t>>()};
        if (progress.device != device || progress.challenge != challenge ||
            progress.nonces.size() > nonce_limit)
            return std::nullopt;
        return progress;
    } catch (const std::exception& failure) {
        spdlog::warn("progress of an earlier run cannot be read ({}); the check starts anew",
                     failure.what());
        return std::nullopt;
    }
}

void ProgressFiles::write_until_stopped() {
    std::unique_lock lock{mutex_};
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        const auto taken = std::exchange(waiting_, {});
        lock.unlock();
        for (const auto& [device, progress] : taken) {
            try {
                edge::replace_file(file(device), progress_text(progress), 0600);
            } catch (const std::exception& failure) {
                spdlog::warn("progress cannot be saved, so a restart would lose it: {}",
                             failure.what());
            }
        }
        lock.lock();
    }
}

OutboxState load_outbox(const fs::path& data_dir, const NetworkId& network, const SigningKey& key) {
    OutboxState state;
    try {
        const std::string text = edge::read_file_or_empty(data_dir / "outbox.json", outbox_limit);
        if (text.empty()) return state;
        const json saved = json::parse(text);
        if (bytes_at<NetworkId>(saved, "network_id") != network) return state;
        for (const json& entry : saved.at("answers")) {
            const Answer answer{proofs_from(entry.at("proofs"))};
            const ByteVector bytes = signed_bytes(network, answer);
            // Ed25519 signatures are deterministic: signing again gives the same answer.
            const auto kind = static_cast<CheckKind>(entry.at("kind").get<std::uint8_t>());
            state.answers.push_back({{kind, answer, answer_id(bytes), key.sign(bytes)},
                                     instant_from_ms(entry.at("deadline_ms").get<std::int64_t>())});
        }
        for (const json& entry : saved.at("answered"))
            if (auto challenge = from_hex<Challenge>(entry.get<std::string>()))
                state.answered.push_back(*challenge);
    } catch (const std::exception& failure) {
        spdlog::warn("outbox.json cannot be read ({}); answers of an earlier run are lost",
                     failure.what());
        return {};
    }
    return state;
}

void save_outbox(const fs::path& data_dir, const NetworkId& network, const OutboxState& state) {
    json answers = json::array();
    for (const KeptAnswer& kept : state.answers)
        answers.push_back({{"kind", static_cast<unsigned>(kept.answer.kind)},
                           {"deadline_ms", to_ms(kept.deadline)},
                           {"proofs", proofs_json(kept.answer.answer)}});
    json answered = json::array();
    for (const Challenge& challenge : state.answered) answered.push_back(to_hex(challenge));
    const json all{{"network_id", to_hex(network)}, {"answers", answers}, {"answered", answered}};
    edge::replace_file(data_dir / "outbox.json", all.dump(), 0600);
}

void remove_drafts(const fs::path& data_dir) {
    constexpr std::size_t drawn = 7;  // ".XXXXXX"
    static const std::set<std::string> replaced{".outbox.json", ".enrolment",  ".kernels.json",
                                                ".retired",     ".machine-id", ".network"};
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator{data_dir, failure}) {
        const std::string name = entry.path().filename().string();
        if (name.size() <= drawn || name[name.size() - drawn] != '.') continue;
        const std::string of = name.substr(0, name.size() - drawn);
        const bool ours =
            replaced.contains(of) || (of.starts_with(".progress-") && of.ends_with(".json"));
        std::error_code ignored;
        if (ours && entry.is_regular_file(ignored)) fs::remove(entry.path(), ignored);
    }
}

LineFile::LineFile(fs::path path, std::uintmax_t limit, Durable durable)
    : path_{std::move(path)}, limit_{limit}, durable_{durable} {}

LineFile::~LineFile() {
    write_kept();
    if (!kept_.empty()) spdlog::error("{} line(s) for {} are lost", kept_.size(), path_.string());
}

void LineFile::append(const std::string& line) {
    keep(line);
    write_kept();
}

void LineFile::keep(std::string line) {
    const std::lock_guard lock{mutex_};
    if (kept_.size() >= kept_limit) {
        kept_.pop_front();
        if (dropped_++ == 0)
            spdlog::error("over {} lines wait for {}; the oldest are lost", kept_limit,
                          path_.string());
    }
    kept_.push_back(std::move(line));
}

void LineFile::write_kept() {
    const std::lock_guard file_lock{file_mutex_};
    for (;;) {
        std::string line;
        std::uint64_t dropped = 0;
        {
            const std::lock_guard lock{mutex_};
            if (kept_.empty()) return;
            line = kept_.front();
            dropped = dropped_;
        }
        if (!write(line)) return;
        const std::lock_guard lock{mutex_};
        // Where one gave way meanwhile, it was this one.
        if (dropped == dropped_) kept_.pop_front();
    }
}

bool LineFile::write(const std::string& line) {
    std::error_code failure;
    if (const auto size = fs::file_size(path_, failure);
        !failure && size + line.size() + 1 > limit_)
        fs::rename(path_, fs::path{path_.string() + ".1"}, failure);
    const int fd = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    // What a full disk or a crash cut off must not spoil this line as well.
    const off_t size = fd < 0 ? 0 : ::lseek(fd, 0, SEEK_END);
    char last = '\n';
    const bool cut = size > 0 && ::pread(fd, &last, 1, size - 1) == 1 && last != '\n';
    const std::string text = (cut ? "\n" : "") + line + "\n";
    // One write, so that a reader never sees half a line of two writers.
    bool written =
        fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (durable_ == Durable::yes && written)
        written = ::fdatasync(fd) == 0 && (size > 0 || sync_folder(path_));
    if (fd >= 0) ::close(fd);
    if (!written && !std::exchange(failed_, true))
        spdlog::error("{} cannot be written", path_.string());
    if (written) failed_ = false;
    return written;
}

std::string receipt_line(const wire::Network& network, const Receipt& receipt,
                         const Answer& answer) {
    json challenges = json::array();
    for (const Proof& proof : answer.proofs)
        challenges.push_back(
            {{"device_id", to_hex(proof.device)}, {"challenge", to_hex(proof.challenge)}});
    return json{
        {"network_id", to_hex(network.id)},       {"answer_id", to_hex(receipt.answer)},
        {"received_ms", to_ms(receipt.received)}, {"receipt_key", to_hex(network.receipt_key)},
        {"signature", to_hex(receipt.signature)}, {"checks", challenges}}
        .dump();
}

std::string answer_line(const SignedAnswer& answer) {
    return json{{"answer_id", to_hex(answer.id)}, {"proofs", proofs_json(answer.answer)}}.dump();
}

std::vector<Proof> last_answer(const fs::path& answers_log) {
    constexpr std::streamoff window = 8 * 1024 * 1024;
    std::ifstream file{answers_log, std::ios::binary | std::ios::ate};
    if (!file) return {};
    const std::streamoff size = file.tellg();
    const std::streamoff from = std::max<std::streamoff>(0, size - window);
    std::string text(static_cast<std::size_t>(size - from), '\0');
    file.seekg(from);
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    const std::size_t end = text.rfind('\n');
    if (end == std::string::npos || end == 0) return {};
    const std::size_t before = text.rfind('\n', end - 1);
    const std::size_t first = before == std::string::npos ? 0 : before + 1;
    try {
        return proofs_from(json::parse(text.substr(first, end - first)).at("proofs"));
    } catch (const std::exception&) {
        return {};
    }
}

}  // namespace vigil::node
