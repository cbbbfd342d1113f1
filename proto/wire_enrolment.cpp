#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <set>

#include "proto/wire.hpp"
#include "proto/wire_fields.hpp"

namespace vigil::wire {
namespace {

constexpr std::size_t max_uid = 128, max_model = 128, max_driver = 128;
constexpr std::size_t max_name = 64, max_region = 32, max_version = 32;

Expected<DeviceClaim, Refusal> claim_from_proto(const v1::DeviceClaim& message) {
    if (message.uid().empty()) return malformed("devices.uid: empty");
    auto uid = readable_text(message.uid(), max_uid, "devices.uid");
    if (!uid) return tl::unexpected{uid.error()};
    const auto backend = backend_from_proto(message.backend());
    if (!backend) return tl::unexpected{backend.error()};
    auto model = readable_text(message.model(), max_model, "devices.model");
    if (!model) return tl::unexpected{model.error()};
    auto driver = readable_text(message.driver(), max_driver, "devices.driver");
    if (!driver) return tl::unexpected{driver.error()};
    return DeviceClaim{std::move(*uid), *backend, std::move(*model), std::move(*driver),
                       message.memory_bytes()};
}

}  // namespace

std::string enrolment_bytes(const Enrolment& enrolment) {
    v1::Enrolment message;
    message.set_public_key(raw(enrolment.key));
    message.set_payout_address(raw(enrolment.payout));
    message.set_name(enrolment.name);
    message.set_region(enrolment.region);
    message.set_node_version(enrolment.version);
    for (const DeviceClaim& claim : enrolment.devices) {
        v1::DeviceClaim& out = *message.add_devices();
        out.set_uid(claim.uid);
        out.set_backend(to_proto(claim.backend));
        out.set_model(claim.model);
        out.set_memory_bytes(claim.memory_bytes);
        out.set_driver(claim.driver);
    }
    message.set_sequence(enrolment.sequence);

    std::string bytes;
    {
        google::protobuf::io::StringOutputStream stream{&bytes};
        google::protobuf::io::CodedOutputStream coded{&stream};
        coded.SetSerializationDeterministic(true);
        message.SerializeToCodedStream(&coded);
    }
    return bytes;
}

Expected<Enrolment, Refusal> enrolment_from_bytes(std::string_view bytes) {
    if (bytes.size() > max_enrolment)
        return too_large("bytes of an enrolment", bytes.size(), max_enrolment);
    v1::Enrolment message;
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
        return malformed("the enrolment is not a vigil.v1.Enrolment");
    const auto devices = static_cast<std::size_t>(message.devices_size());
    if (devices == 0) return malformed("devices: none");
    if (devices > max_devices) return too_large("devices of a node", devices, max_devices);

    const auto key = fixed_from_proto<PublicKey>(message.public_key(), "public_key");
    if (!key) return tl::unexpected{key.error()};
    const auto payout = from_bytes<PayoutAddress>(message.payout_address());
    if (!payout)
        return tl::unexpected{Refusal{
            RefusalReason::bad_payout_address, "payout_address: " + payout.error(), {}, {}}};
    auto name = readable_text(message.name(), max_name, "name");
    if (!name) return tl::unexpected{name.error()};
    auto region = readable_text(message.region(), max_region, "region");
    if (!region) return tl::unexpected{region.error()};
    auto version = readable_text(message.node_version(), max_version, "node_version");
    if (!version) return tl::unexpected{version.error()};

    Enrolment out{
        *key, *payout,           std::move(*name), std::move(*region), std::move(*version),
        {},   message.sequence()};
    std::set<std::string_view> uids;
    for (const v1::DeviceClaim& claim : message.devices()) {
        if (!uids.insert(claim.uid()).second)
            return malformed("devices.uid: the same twice in one enrolment");
        auto device = claim_from_proto(claim);
        if (!device) return tl::unexpected{device.error()};
        out.devices.push_back(std::move(*device));
    }
    return out;
}

}  // namespace vigil::wire
