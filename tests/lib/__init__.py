# SPDX-License-Identifier: Apache-2.0
"""Real servers, each private to a test run, and the mount under test."""
