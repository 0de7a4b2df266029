#include "target/providers/answer_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "target/llm/tokens.h"

namespace squadload::providers {
namespace {

TEST(AnswerTextTest, CountsAsTheTokensAskedFor) {
    std::set<std::string> different;
    for (std::uint64_t number = 0; number < 300; ++number) {
        for (const std::int64_t tokens : {1, 2, 60, 100, 1'000}) {
            const std::string text = answer_text(tokens, number);
            EXPECT_EQ(llm::estimate_tokens(text), static_cast<std::uint64_t>(tokens));
            EXPECT_TRUE(
                std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; }));
            EXPECT_NE(text.front(), ' ');
        }
        different.insert(answer_text(60, number));
    }
    EXPECT_GT(different.size(), 50U);
    EXPECT_EQ(answer_text(60, 7), answer_text(60, 7));
}

}  // namespace
}  // namespace squadload::providers
