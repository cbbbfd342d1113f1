#pragma once

#include "proto/edge/html.hpp"

namespace vigil::verifier::web {

using edge::Attribute;
using edge::Attributes;
using edge::document;
using edge::element;
using edge::Html;
using edge::leaf;
using edge::Literal;
using edge::percent_encoded;

}  // namespace vigil::verifier::web
