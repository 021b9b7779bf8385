// A token whose text finds no memory is lost, and the stream's own numbers stay right.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "support/buses.h"
#include "support/refused_memory.h"

namespace herald {
namespace {

PublishResult token_without_memory(TokenStream& answer, std::string_view bytes) {
  const support::RefusedMemory refused;
  return answer.token(bytes);
}

TEST(TokenStreamNoMemory, LosesTheTokenAndKeepsItsNumbers) {
  Bus bus = support::manual_bus();
  Publisher publisher = support::make_publisher(bus);
  support::Texts seen;
  const Subscription keeper = bus.subscribe({.types = kToken}, support::collect(seen)).value();
  TokenStream answer(publisher, 7);
  EXPECT_EQ(answer.token("ab\xE2"), PublishResult::kAccepted);
  // Has to be put together, with what is held, and beyond what a std::string keeps itself.
  EXPECT_EQ(token_without_memory(answer, "\x82\xAC" + std::string(100, 'x')),
            PublishResult::kRejected);
  EXPECT_EQ(answer.report().text_bytes, 105u) << "bytes handed to token()";
  EXPECT_EQ(answer.report().lost_events, 1u);
  EXPECT_EQ(answer.token("c\xFF"), PublishResult::kAccepted);
  EXPECT_EQ(answer.report().text_bytes, 107u);
  EXPECT_EQ(answer.report().ill_formed, 1u);
  EXPECT_EQ(answer.report().first_ill_formed_offset, 106u) << "from the stream's start";
  EXPECT_EQ(answer.complete(), PublishResult::kAccepted);
  bus.pump();
  EXPECT_EQ(seen, (support::Texts{"ab", "c\uFFFD"}));
}

TEST(TokenStreamNoMemory, CountsAnIllFormedSequenceOnceIfItIsLost) {
  Bus bus = support::manual_bus();
  TokenStream answer(bus, 7);
  EXPECT_EQ(token_without_memory(answer, "\xFF" + std::string(100, 'x') + "\xFF\xE2"),
            PublishResult::kRejected);
  EXPECT_EQ(answer.report().ill_formed, 1u) << "the one before the memory ended";
  EXPECT_EQ(answer.report().first_ill_formed_offset, 0u);
  EXPECT_EQ(answer.token("a"), PublishResult::kAccepted);
  EXPECT_EQ(answer.report().ill_formed, 1u);
  EXPECT_EQ(answer.report().text_bytes, 104u);
}

}  // namespace
}  // namespace herald
