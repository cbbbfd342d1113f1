#include "core/work/proof.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "core/base/encoder.hpp"
#include "core/crypto/keccak256.hpp"

namespace vigil {
namespace {

constexpr std::string_view answer_tag = "vigil/answer/v1";

/// Reads big-endian fields from the front of a span; past the end it gives nothing, for good.
class Reader {
public:
    explicit Reader(ByteSpan bytes) : rest_{bytes} {}

    std::size_t left() const { return rest_.size(); }

    std::optional<ByteSpan> take(std::size_t count) {
        if (count > rest_.size()) return std::nullopt;
        const ByteSpan out = rest_.first(count);
        rest_ = rest_.subspan(count);
        return out;
    }

    template <class Fixed>
    bool read(Fixed& out) {
        const auto taken = take(Fixed::size);
        if (taken) std::copy(taken->begin(), taken->end(), out.bytes.begin());
        return taken.has_value();
    }

    bool read(std::uint32_t& out) { return read_number(out); }
    bool read(std::uint64_t& out) { return read_number(out); }

private:
    template <class Number>
    bool read_number(Number& out) {
        const auto taken = take(sizeof(Number));
        if (!taken) return false;
        out = 0;
        for (const std::uint8_t byte : *taken) out = static_cast<Number>(out << 8 | byte);
        return true;
    }

    ByteSpan rest_;
};

/// Nothing when the bytes end too early.
std::optional<Proof> read_proof(Reader& reader) {
    Proof proof;
    std::uint32_t k{};
    if (!reader.read(proof.device) || !reader.read(proof.challenge) || !reader.read(k))
        return std::nullopt;
    // Checked before the memory is taken: k is an outside number.
    if (reader.left() / sizeof(std::uint64_t) < k) return std::nullopt;
    proof.nonces.resize(k);
    for (std::uint64_t& nonce : proof.nonces) reader.read(nonce);
    if (!reader.read(proof.hashes_tried)) return std::nullopt;
    return proof;
}

}  // namespace

ByteVector signed_bytes(const NetworkId& network, const Answer& answer) {
    Encoder out{answer_tag};
    out.bytes(network).u32(static_cast<std::uint32_t>(answer.proofs.size()));
    for (const Proof& proof : answer.proofs) {
        out.bytes(proof.device)
            .bytes(proof.challenge)
            .u32(static_cast<std::uint32_t>(proof.nonces.size()));
        for (const std::uint64_t nonce : proof.nonces) out.u64(nonce);
        out.u64(proof.hashes_tried);
    }
    return out.written();
}

Expected<Answer, std::string> answer_from_signed_bytes(const NetworkId& network, ByteSpan bytes) {
    const auto wrong = [](std::string why) { return tl::unexpected{std::move(why)}; };
    Reader reader{bytes};

    const ByteVector expected_tag = Encoder{answer_tag}.written();
    const auto tag = reader.take(expected_tag.size());
    if (!tag || !std::equal(tag->begin(), tag->end(), expected_tag.begin(), expected_tag.end()))
        return wrong("the bytes do not start with the tag vigil/answer/v1");
    NetworkId its_network;
    if (!reader.read(its_network)) return wrong("the bytes end inside the network id");
    if (its_network != network)
        return wrong("the answer is for network " + to_hex(its_network) + ", not " +
                     to_hex(network));
    std::uint32_t count{};
    if (!reader.read(count)) return wrong("the bytes end inside the number of proofs");

    Answer answer;
    for (std::uint32_t i = 0; i < count; ++i) {
        auto proof = read_proof(reader);
        if (!proof)
            return wrong("the bytes end inside proof " + std::to_string(i + 1) + " of " +
                         std::to_string(count));
        answer.proofs.push_back(std::move(*proof));
    }
    if (reader.left() != 0)
        return wrong(std::to_string(reader.left()) + " bytes follow the last proof");
    return answer;
}

AnswerId answer_id(ByteSpan signed_bytes) { return as<AnswerId>(keccak256(signed_bytes)); }

ByteVector receipt_bytes(const NetworkId& network, const AnswerId& answer, Instant received) {
    return Encoder{"vigil/receipt/v1"}
        .bytes(network)
        .bytes(answer)
        .u64(static_cast<std::uint64_t>(to_ms(received)))
        .written();
}

}  // namespace vigil
