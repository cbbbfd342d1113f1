#include "tests/service/world.hpp"

#include <stdexcept>
#include <stdlib.h>

#include "core/base/ids.hpp"
#include "verifier/founding.hpp"

namespace vigil::verifier::test {
namespace {

constexpr DayIndex today{20'000};

std::filesystem::path new_folder() {
    std::string name = std::filesystem::temp_directory_path() / "vigil-service-XXXXXX";
    if (!::mkdtemp(name.data())) throw std::runtime_error{"mkdtemp"};
    return name;
}

/// Founds the network and draws the keys of three days.
std::unique_ptr<Schedule> founded(Store& store, ManualClock& clock) {
    const Policy policy = small_policy();
    clock.set(Calendar{policy}.span(today).begin);
    const auto result =
        found_network(store, {.network_name = "test", .policy = policy}, clock.now());
    if (!result) throw std::runtime_error{"the test's network was not founded"};
    std::uint8_t next = 1;
    draw_day_keys(store, network_id("test"), today - 1, today + 2, clock.now(), [&] {
        DayKey key;
        key.bytes.fill(next++);
        return key;
    });
    return std::make_unique<Schedule>(store);
}

}  // namespace

template <class Work>
void TouchyStore::pass_on(const Work& work) {
    { const std::lock_guard wait{held_}; }
    if (fails) throw StoreFailed{"the test says so"};
    work();
    if (fails_to_read_after_a_write.exchange(false)) fails_to_read = true;
}
void TouchyStore::write(const std::function<void(Transaction&)>& work) {
    pass_on([&] { real_->write(work); });
}
std::vector<AnswerFate> TouchyStore::record(std::span<const AnswerRecord* const> answers) {
    std::vector<AnswerFate> fates;
    pass_on([&] { fates = real_->record(answers); });
    return fates;
}
void TouchyStore::read(const std::function<void(Reader&)>& work) {
    ++reads_;
    { const std::lock_guard wait{reads_held_}; }
    if (fails_to_read) throw StoreFailed{"the test says so"};
    real_->read(work);
}
void TouchyStore::hold_reads() { reads_held_.lock(); }
void TouchyStore::release_reads() { reads_held_.unlock(); }
void TouchyStore::hold() { held_.lock(); }
void TouchyStore::release() { held_.unlock(); }

Policy small_policy() {
    Policy policy = preset("incentivenet-2024-10").value();
    policy.name = "small";
    for (CheckRule* rule : {&policy.roll_call, &policy.hourly, &policy.spot, &policy.calibration})
        rule->k = 8;
    return policy;
}

World::World(WorldOptions options)
    : store{open_sqlite_store(":memory:")},
      receipt_key{KeySeed{{9}}},
      schedule_holder{founded(store, clock)},
      schedule{*schedule_holder},
      roster{store},
      folder_{new_folder()},
      answers{store,
              roster,
              schedule,
              receipt_key,
              options.answers,
              {.judged = {},
               .refused = [this](RefusalReason reason) { count(reason); },
               .committed = {},
               .judging = {}}} {
    ServiceOptions& with = options.service;
    with.address = "127.0.0.1";
    with.receipt_key = receipt_key.public_key();
    with.verifier_version = "1.2.3";
    if (options.tls) {
        with.tls = edge::load_or_create_tls(folder_ / "tls.crt", folder_ / "tls.key", {});
        certificate_ = with.tls->certificate_pem;
    }
    service = std::make_unique<Service>(
        with, store, roster, schedule, answers, [this] { return clock.now(); },
        ServiceObserver{.refused = [this](RefusalReason reason) { count(reason); },
                        .broadcast = options.broadcast});
    outlets_ = service->outlets();
    service->start();
}

World::~World() {
    service->stop();
    std::filesystem::remove_all(folder_);
}

std::shared_ptr<grpc::Channel> World::connect(grpc::ChannelArguments arguments, int port) const {
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetMaxReceiveMessageSize(-1);
    const auto credentials =
        certificate_.empty()
            ? grpc::InsecureChannelCredentials()
            : grpc::SslCredentials(
                  {.pem_root_certs = certificate_, .pem_private_key = {}, .pem_cert_chain = {}});
    return grpc::CreateCustomChannel("localhost:" + std::to_string(port ? port : service->port()),
                                     credentials, arguments);
}

FleetCheck World::begin_fleet_check(CheckKind kind) {
    for (const FleetCheck& fleet : plan()->fleet)
        if (fleet.kind == kind && fleet.start >= clock.now()) {
            clock.set(fleet.start);
            outlets_.fleet_check(*plan(), fleet);
            return fleet;
        }
    throw std::runtime_error{"no such check left in this window"};
}

void World::count(RefusalReason reason) {
    const std::lock_guard lock{mutex_};
    ++refused_[reason];
}

std::uint64_t World::refused(RefusalReason reason) {
    const std::lock_guard lock{mutex_};
    return refused_[reason];
}

}  // namespace vigil::verifier::test
