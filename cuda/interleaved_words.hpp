#pragma once

#include "core/work/interleaved.hpp"
#include "cuda/keccak_words.hpp"

/// Keccak lanes as their even and their odd bits. A rotation by an even number then turns each word
/// alone, by an odd number also swaps them, and by 1 turns only one: 52 turns of 32 bits a round
/// instead of 58 with upper and lower words. A turn can be made on the ALU or on the FMA pipe
/// beside it.
namespace vigil::cuda {

/// Named, because the compiler would rather share an exclusive or of two operands among five lanes
/// than use the instruction that takes three.
VIGIL_CUDA_BOTH std::uint32_t xor3(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
#if defined(__CUDA_ARCH__)
    std::uint32_t out;
    asm("lop3.b32 %0, %1, %2, %3, 0x96;" : "=r"(out) : "r"(a), "r"(b), "r"(c));
    return out;
#else
    return a ^ b ^ c;
#endif
}

VIGIL_CUDA_BOTH Interleaved operator^(Interleaved a, Interleaved b) {
    return {a.even ^ b.even, a.odd ^ b.odd};
}
VIGIL_CUDA_BOTH Interleaved xor3(Interleaved a, Interleaved b, Interleaved c) {
    return {xor3(a.even, b.even, c.even), xor3(a.odd, b.odd, c.odd)};
}
VIGIL_CUDA_BOTH Interleaved chi(Interleaved a, Interleaved b, Interleaved c) {
    return {a.even ^ (~b.even & c.even), a.odd ^ (~b.odd & c.odd)};
}

/// Every turn is a funnel shift, on the ALU pipe.
struct AluTurns {
    template <unsigned n, unsigned place>
    VIGIL_CUDA_BOTH std::uint32_t turned(std::uint32_t x) const {
        return funnel_left(x, x, n);
    }
};

/// What a turn on the FMA pipe multiplies with. Read from memory at run time: a compiler that knew
/// the numbers would make shifts of the products again.
struct TurnFactors {
    std::uint32_t powers[32];  ///< powers[n] = 2ⁿ
    std::uint32_t one;
};

/// Five turns of six are a product x · 2ⁿ of 64 bits whose halves are added, on the FMA pipe: its
/// slots and the ALU's come out even (2,880 a hash each). `place` numbers the turns of a hash.
struct SharedTurns {
    const TurnFactors& factors;

    template <unsigned place>
    static constexpr bool on_fma = place * 7 % 100 < 83;

    template <unsigned n, unsigned place>
    VIGIL_CUDA_BOTH std::uint32_t turned(std::uint32_t x) const {
        if constexpr (!on_fma<place>) {
            return funnel_left(x, x, n);
        } else {
#if defined(__CUDA_ARCH__)
            std::uint64_t product;
            asm("mul.wide.u32 %0, %1, %2;" : "=l"(product) : "r"(x), "r"(factors.powers[n]));
            std::uint32_t out;
            asm("mad.lo.u32 %0, %1, %2, %3;"
                : "=r"(out)
                : "r"(static_cast<std::uint32_t>(product)), "r"(factors.one),
                  "r"(static_cast<std::uint32_t>(product >> 32)));
            return out;
#else
            const std::uint64_t product = std::uint64_t{x} * factors.powers[n];
            return static_cast<std::uint32_t>(product) * factors.one +
                   static_cast<std::uint32_t>(product >> 32);
#endif
        }
    }
};

}  // namespace vigil::cuda
