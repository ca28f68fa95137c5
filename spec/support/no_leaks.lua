-- no_leaks(before_each, after_each): the leak checks of casync.testing around each test of a describe or a spec file.
return require("casync.testing").check_leaks
