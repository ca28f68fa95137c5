-- SPDX-License-Identifier: MIT
require "casync".run(function() end)
