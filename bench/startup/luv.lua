-- SPDX-License-Identifier: MIT
require "luv".run()
