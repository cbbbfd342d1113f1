#include "tests/e2e/crowd_node.hpp"

#include <algorithm>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "core/base/encoder.hpp"
#include "core/base/ids.hpp"
#include "core/base/require.hpp"
#include "core/schedule/challenge.hpp"
#include "core/work/best_k.hpp"
#include "core/work/pow_hash_many.hpp"

namespace vigil::e2e {
namespace {

using namespace std::chrono_literals;

constexpr auto call_within = 5s;
constexpr auto send_again_after = 700ms;
constexpr unsigned one_in_repeats = 20;

std::shared_ptr<grpc::Channel> channel_to(const CrowdOptions& options) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    // The least time an attempt is given, whatever the pause between two.
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 3000);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 400);
    grpc::SslCredentialsOptions ssl;
    ssl.pem_root_certs = options.ca_pem;
    return grpc::CreateCustomChannel(options.address, grpc::SslCredentials(ssl), arguments);
}

KeySeed seed_of(std::uint64_t number) {
    return as<KeySeed>(Encoder{"vigil/test/crowd"}.u64(number).hash());
}

}  // namespace

ReceiptsFile::ReceiptsFile(const std::string& path)
    : file_{::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)} {
    require(file_ >= 0, "the file of receipts can be opened");
}

ReceiptsFile::~ReceiptsFile() { ::close(file_); }

void ReceiptsFile::keep(const std::string& line) {
    const std::lock_guard lock{mutex_};
    const auto written = ::write(file_, line.data(), line.size());
    require(written == std::ssize(line) && ::fdatasync(file_) == 0, "a receipt can be kept");
}

CrowdNode::CrowdNode(const CrowdOptions& options, std::uint64_t seed, ReceiptsFile& file,
                     CrowdCounts& counts)
    : options_{options},
      file_{file},
      counts_{counts},
      random_{seed},
      key_{seed_of(seed)},
      id_{node_id(key_.public_key())},
      stub_{v1::NodeService::NewStub(channel_to(options))} {
    for (std::size_t i = 0; i < options.devices; ++i)
        devices_.push_back(device_id(key_.public_key(), "GPU-" + std::to_string(i)));
    thread_ = std::thread{[this] { run(); }};
}

CrowdNode::~CrowdNode() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
        if (context_ != nullptr) context_->TryCancel();
        changed_.notify_all();
    }
    thread_.join();
}

void CrowdNode::run() {
    const auto pause = [this] {
        std::unique_lock lock{mutex_};
        changed_.wait_for(lock, std::chrono::milliseconds{50 + random_() % 200},
                          [this] { return stopping_; });
        return stopping_;
    };
    while (!enrol())
        if (pause()) return;
    do hold_session();
    while (!pause());
}

bool CrowdNode::enrol() {
    wire::Enrolment claimed{.key = key_.public_key(),
                            .payout = {},
                            .name = "crowd",
                            .region = "lab",
                            .version = "0.1.0",
                            .devices = {},
                            .sequence = 1};
    claimed.payout.bytes.fill(1);
    for (std::size_t i = 0; i < devices_.size(); ++i)
        claimed.devices.push_back({.uid = "GPU-" + std::to_string(i),
                                   .backend = Backend::cpu,
                                   .model = "crowd",
                                   .driver = "none",
                                   .memory_bytes = 1});
    // The network's id is known from its name; a hello would tell it too.
    network_ = network_id("lab");
    v1::EnrolRequest request;
    request.set_enrolment(wire::enrolment_bytes(claimed));
    request.set_signature(wire::raw(key_.sign(wire::enrol_text(network_, request.enrolment()))));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + call_within);
    v1::EnrolResponse response;
    if (!stub_->Enrol(&context, request, &response).ok()) return false;
    const auto network = wire::network_from_proto(response.network());
    if (!network || network->id != network_) return false;
    receipt_key_.emplace(network->receipt_key);
    return true;
}

void CrowdNode::hold_session() {
    grpc::ClientContext context;
    {
        const std::lock_guard lock{mutex_};
        if (stopping_) return;
        context_ = &context;
    }
    std::shared_ptr<Stream> stream = stub_->Session(&context);
    v1::SessionResponse message;
    std::atomic<bool> ended{false};
    std::thread writer;
    if (stream->Read(&message) && message.has_hello()) {
        const auto nonce = wire::fixed_from_proto<wire::SessionNonce>(
            message.hello().session_nonce(), "session_nonce");
        v1::SessionRequest request;
        v1::SessionOpen& open = *request.mutable_open();
        open.set_node_id(wire::raw(id_));
        open.set_node_version("0.1.0");
        open.set_signature(wire::raw(key_.sign(wire::session_text(network_, *nonce, id_))));
        if (stream->Write(request)) {
            {
                const std::lock_guard lock{mutex_};
                stream_ = stream;
            }
            writer = std::thread{[&] { write_until(ended); }};
            while (stream->Read(&message)) take(message);
        }
    }
    {
        const std::lock_guard lock{mutex_};
        ended = true;
        stream_.reset();
        changed_.notify_all();
    }
    if (writer.joinable()) writer.join();
    stream->Finish();
    const std::lock_guard lock{mutex_};
    context_ = nullptr;
}

void CrowdNode::take(const v1::SessionResponse& message) {
    if (message.has_opened()) {
        ++counts_.sessions;
        for (const v1::OpenCheck& check : message.opened().open_checks()) learn(check);
        const std::lock_guard lock{mutex_};
        // Whatever has no receipt goes out again.
        for (auto& [id, pending] : pending_)
            if (!pending.received) pending.due = std::min(pending.due, Steady::now());
        changed_.notify_all();
    } else if (message.has_check()) {
        learn(message.check());
    } else if (message.has_receipt()) {
        take_receipt(message.receipt());
    } else if (message.has_refusal()) {
        take_refusal(message.refusal());
    }
}

std::vector<std::uint64_t> CrowdNode::work(const Challenge& challenge, std::uint32_t k) const {
    const std::uint64_t tries = std::max<std::uint64_t>(options_.hashes, k);
    std::vector<std::uint64_t> nonces(tries);
    for (std::uint64_t i = 0; i < tries; ++i) nonces[i] = i;
    std::vector<Hash> hashes(tries);
    pow_hashes(challenge, nonces, hashes);
    BestK best{k};
    for (std::uint64_t i = 0; i < tries; ++i) best.offer({hashes[i], nonces[i]});
    std::vector<std::uint64_t> kept;
    for (const Found& found : best.sorted()) kept.push_back(found.nonce);
    std::sort(kept.begin(), kept.end());
    return kept;
}

void CrowdNode::learn(const v1::OpenCheck& message) {
    const auto check = wire::open_check_from_proto(message);
    if (!check) return;
    Pending pending;
    for (const DeviceId& device : devices_) {
        if (check->device && *check->device != device) continue;
        const Challenge to_answer = challenge({.network = network_,
                                               .policy = check->policy,
                                               .kind = check->kind,
                                               .ref = check->ref,
                                               .beacon = check->beacon,
                                               .device = device});
        {
            const std::lock_guard lock{mutex_};
            if (!answered_.insert(to_answer).second) continue;
        }
        pending.answer.answer.proofs.push_back({.device = device,
                                                .challenge = to_answer,
                                                .nonces = work(to_answer, check->k),
                                                .hashes_tried = options_.hashes});
        pending.places +=
            fmt::format(R"({}{{"device":"{}","kind":{},"ref":{},"deadline_ms":{}}})",
                        pending.places.empty() ? "" : ",", to_hex(device),
                        static_cast<int>(check->kind), check->ref, to_ms(check->deadline));
    }
    if (pending.answer.answer.proofs.empty()) return;
    const ByteVector bytes = signed_bytes(network_, pending.answer.answer);
    pending.answer.signature = key_.sign(bytes);
    const auto now = Steady::now();
    const std::lock_guard lock{mutex_};
    pending.due = now + std::chrono::milliseconds{random_() % (options_.delay_ms + 1)};
    pending.until = now + check->remaining + 500ms;
    pending_.emplace(answer_id(bytes), std::move(pending));
    changed_.notify_all();
}

void CrowdNode::take_receipt(const v1::Receipt& message) {
    const auto receipt = wire::receipt_from_proto(message);
    const bool genuine = receipt && receipt_key_->verifies(
                                        receipt_bytes(network_, receipt->answer, receipt->received),
                                        receipt->signature);
    const std::lock_guard lock{mutex_};
    const auto found = genuine ? pending_.find(receipt->answer) : pending_.end();
    if (found == pending_.end()) {
        // An answer that was given up may still be receipted later.
        if (!genuine) ++counts_.wrong_receipts;
        return;
    }
    Pending& pending = found->second;
    if (pending.received) {
        ++counts_.repeated;
        if (*pending.received != receipt->received) ++counts_.wrong_receipts;
        pending_.erase(found);
        return;
    }
    file_.keep(fmt::format(R"({{"answer":"{}","node":"{}","received_ms":{},"checks":[{}]}})"
                           "\n",
                           to_hex(receipt->answer), to_hex(id_), to_ms(receipt->received),
                           pending.places));
    ++counts_.receipts;
    pending.received = receipt->received;
    if (random_() % one_in_repeats == 0) {
        pending.again = true;
        pending.due = Steady::now() + std::chrono::milliseconds{random_() % 3000};
        pending.until = pending.due + 5s;
        changed_.notify_all();
    } else {
        pending_.erase(found);
    }
}

void CrowdNode::take_refusal(const v1::Refusal& message) {
    const auto refusal = wire::refusal_from_proto(message);
    if (!refusal) return;
    {
        const std::lock_guard lock{counts_.mutex};
        ++counts_.refusals[std::string{wire::to_string(refusal->reason)}];
    }
    const std::lock_guard lock{mutex_};
    const auto found = pending_.find(refusal->answer);
    if (found == pending_.end()) return;
    if (refusal->retry_after > 0ms)
        found->second.due = Steady::now() + refusal->retry_after;
    else
        pending_.erase(found);
    changed_.notify_all();
}

void CrowdNode::write_until(const std::atomic<bool>& ended) {
    std::unique_lock lock{mutex_};
    while (!ended && !stopping_) {
        const auto now = Steady::now();
        counts_.expired += std::erase_if(pending_, [&](const auto& entry) {
            return entry.second.until < now && !entry.second.received;
        });
        std::erase_if(pending_, [&](const auto& entry) { return entry.second.until < now; });
        auto next = now + 1s;
        std::optional<v1::SessionRequest> request;
        for (auto& [id, pending] : pending_) {
            if (pending.received && !pending.again) continue;
            if (pending.due <= now && !request) {
                *request.emplace().mutable_answer() = wire::to_proto(pending.answer);
                pending.due = now + send_again_after;
            }
            next = std::min(next, std::max(now, pending.due));
        }
        if (!request) {
            changed_.wait_until(lock, next);
            continue;
        }
        ++counts_.sent;
        const auto stream = stream_;
        lock.unlock();
        const bool written = stream && stream->Write(*request);
        lock.lock();
        if (!written) return;
    }
}

}  // namespace vigil::e2e
