#include "target/providers/quota_book.h"

#include <gtest/gtest.h>

namespace squadload::providers {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kBookStart{500s};

Profile booked(Scope scope = Scope::key_model) {
    Profile profile;
    profile.provider = "groq";
    profile.scope = scope;
    profile.quota.requests = 10;
    ModelProfile large{"large", profile.quota, {}};
    ModelProfile small{"small", profile.quota, {}};
    small.quota.requests = 3;
    profile.models = {large, small};
    return profile;
}

int admitted(QuotaBook& book, const char* key, const char* model, int calls, MonoTime now) {
    int n = 0;
    for (int i = 0; i < calls; ++i) {
        limits::Quota* quota = book.find(key, model, now);
        if (quota != nullptr && quota->admit(1, now).admitted) ++n;
    }
    return n;
}

TEST(QuotaBookTest, OneQuotaForEachKeyAndModel) {
    const Profile profile = booked();
    QuotaBook book(profile, 60s, kBookStart);
    EXPECT_EQ(admitted(book, "a", "large", 20, kBookStart), 10);
    EXPECT_EQ(admitted(book, "a", "small", 20, kBookStart), 3);
    EXPECT_EQ(admitted(book, "b", "large", 20, kBookStart), 10);
    EXPECT_EQ(admitted(book, "a", "large", 20, kBookStart + 60s - 1ns), 0);
    EXPECT_EQ(admitted(book, "a", "large", 20, kBookStart + 60s), 10);
}

TEST(QuotaBookTest, OrOneForEachKey) {
    const Profile profile = booked(Scope::key);
    QuotaBook book(profile, 60s, kBookStart);
    EXPECT_EQ(admitted(book, "a", "large", 7, kBookStart), 7);
    EXPECT_EQ(admitted(book, "a", "small", 7, kBookStart), 3);
    EXPECT_EQ(admitted(book, "b", "small", 20, kBookStart), 10);
}

TEST(QuotaBookTest, TheWindowIsScaledAndCountsStay) {
    const Profile profile = booked();
    QuotaBook book(profile, 2s, kBookStart);
    const auto quota = book.effective("large", kBookStart);
    EXPECT_EQ(quota.requests, 10);
    EXPECT_EQ(quota.window, 2s);
    EXPECT_EQ(quota.day, 2'880s);
    EXPECT_EQ(admitted(book, "a", "large", 20, kBookStart), 10);
    EXPECT_EQ(admitted(book, "a", "large", 20, kBookStart + 2s), 10);
}

TEST(QuotaBookTest, AChangeHoldsForOldAndNewQuotasUntilItEnds) {
    const Profile profile = booked();
    QuotaBook book(profile, 60s, kBookStart);
    EXPECT_EQ(admitted(book, "a", "large", 1, kBookStart), 1);
    QuotaChange change;
    change.requests = 5;
    change.lasts = 30s;
    ASSERT_TRUE(book.change(change, kBookStart));
    EXPECT_EQ(admitted(book, "a", "large", 20, kBookStart), 4);  // one was counted before
    EXPECT_EQ(admitted(book, "b", "large", 20, kBookStart), 5);
    EXPECT_EQ(book.changes(kBookStart).size(), 1u);
    EXPECT_EQ(book.effective("large", kBookStart + 30s - 1ns).requests, 5);
    EXPECT_EQ(admitted(book, "b", "large", 20, kBookStart + 30s), 5);
    EXPECT_TRUE(book.changes(kBookStart + 30s).empty());
    EXPECT_EQ(book.effective("large", kBookStart + 30s).requests, 10);
}

TEST(QuotaBookTest, ChangesOfOneModelAndOnTopOfEachOther) {
    const Profile profile = booked();
    QuotaBook book(profile, 60s, kBookStart);
    QuotaChange all;
    all.requests = 6;
    QuotaChange one;
    one.model = "small";
    one.requests = 2;
    ASSERT_TRUE(book.change(all, kBookStart));
    ASSERT_TRUE(book.change(one, kBookStart));
    EXPECT_EQ(book.effective("large", kBookStart).requests, 6);
    EXPECT_EQ(book.effective("small", kBookStart).requests, 2);
    book.restore(kBookStart);
    EXPECT_EQ(book.effective("large", kBookStart).requests, 10);
    EXPECT_EQ(book.effective("small", kBookStart).requests, 3);
}

TEST(QuotaBookTest, RefusesWhatItCannotChange) {
    QuotaChange change;
    change.model = "huge";
    change.requests = 1;
    const Profile profile = booked();
    QuotaBook book(profile, 60s, kBookStart);
    EXPECT_EQ(book.change(change, kBookStart).error().message, "groq has no model 'huge'");
    const Profile shared = booked(Scope::key);
    QuotaBook one(shared, 60s, kBookStart);
    EXPECT_EQ(one.change(change, kBookStart).error().message,
              "the models of groq share one quota: leave model out");
    change.model.clear();
    for (std::size_t i = 0; i < QuotaBook::kMostChanges; ++i) {
        ASSERT_TRUE(book.change(change, kBookStart));
    }
    EXPECT_FALSE(book.change(change, kBookStart));
}

TEST(QuotaBookTest, KeysAreBoundedAndIdleOnesForgotten) {
    const Profile profile = booked();
    QuotaBook book(profile, 60s, kBookStart);
    for (std::size_t i = 0; i < QuotaBook::kMost; ++i) {
        ASSERT_EQ(admitted(book, std::to_string(i).c_str(), "large", 1, kBookStart), 1);
    }
    EXPECT_EQ(book.find("one more", "large", kBookStart), nullptr);
    EXPECT_EQ(admitted(book, "7", "large", 20, kBookStart), 9);  // those known are served
    // The window is over, and the calls' tickets are still out: nothing may be forgotten.
    EXPECT_EQ(book.find("one more", "large", kBookStart + 100s), nullptr);
}

TEST(QuotaBookTest, WhatIsForgottenHeldNothing) {
    const Profile profile = booked();
    QuotaBook book(profile, 60s, kBookStart);
    for (std::size_t i = 0; i < QuotaBook::kMost; ++i) {
        limits::Quota* quota = book.find(std::to_string(i), "large", kBookStart);
        ASSERT_NE(quota, nullptr);
        const auto admission = quota->admit(1, kBookStart);
        if (i % 2 == 0) quota->finish(admission.ticket, 1, kBookStart);
    }
    EXPECT_EQ(book.find("one more", "large", kBookStart + 59s), nullptr);
    EXPECT_NE(book.find("one more", "large", kBookStart + 61s), nullptr);
    EXPECT_EQ(book.size(), QuotaBook::kMost / 2 + 1);
}

}  // namespace
}  // namespace squadload::providers
