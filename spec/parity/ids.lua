-- Which statements of ../shared/SEMANTICS.md the stored scenarios have to show. The table of iteration counts (section 1)
-- has no ids there: its cells are called IT1 to IT24 here, the left half from top to bottom, then the right half.
local M = {}

-- All that has evidence R.
M.required = [[
IT1 IT2 IT3 IT4 IT5 IT6 IT7 IT8 IT9 IT10 IT11 IT12 IT13 IT14 IT15 IT16 IT17 IT18 IT19 IT20 IT21 IT22 IT23 IT24
L1 L2 L5 L6 L7 L8 L9 L10 L11 L12 L13 L14 L15 L16 L19 L20 L21
E1 E2 E3 E5 E6 E7 E8 E10
F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12
T1 T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12 T13 T14 T15 T16 T17 T18
C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C13 C14 C15
G1 G2 G3 G4 G5 G6 G7 G8 G9 G10 G11 G12 G13
W1 W2 W3 W4 W5 W6 W7
D1 D2 D3 D4 D5 D6 D7 D8 D9
O1 O2 O3 O4 O5 O6 O7 O8 O9
TG1 TG2 TG3 TG4 TG5 TG6 TG7 TG8 TG9 TG10 TG11 TG12 TG14 TG15 TG16
N1 N2 N3 N4 N5
TH6 TH7 TH8 TH9 TH10 TH11 TH13 TH14 TH15 TH16
K1 K2 K3 K4 K5 K6 K7 K8 K9 K10 K11 K12 K13 K14 K15 K16 K17 K18 K19 K20
Q1 Q2 Q3 Q4 Q5 Q6 Q7 Q8
A1 A2 A3 A4
ST1 ST2 ST3 ST4 ST5 ST6 ST7 ST8 ST9 ST10 ST11 ST12 ST13
]]

-- Required ones that no scenario has to show, with the reason.
M.elsewhere = {
  TH10 = "debug mode tells real durations, which a virtual clock has not: spec/unit/debug/mode_spec.lua shows it",
  TH11 = "the frames are those of Lua code: spec/unit/debug/made_spec.lua shows them",
}

-- Shown, but as the contract changes it on purpose: the recorder is patched so that CPython does the same (vloop.py).
M.changed = {
  L5 = "API 1.10: timers with equal deadlines run in the order of their making",
  T2 = "API 1.6: create_task takes functions too; what it refuses is compared for other values",
  A3 = "API 5: leaving the loop closes a generator that was made in its head; one that somebody keeps stays open, as recorded",
  T7 = "API 1.9: the loop holds every unfinished task",
  E8 = "API 1.9: nothing is reported before the loop closes",
  ST7 = "a read that was woken keeps its place until it has come back, where CPython lets the next one in and then loses it",
  TH15 = "who awaits is told from what waits now: CPython still names who left wait() or a cancelled shield behind",
  F7 = "API 3.2: any value can be an exception here, so only classes and exception objects are compared",
}

return M
