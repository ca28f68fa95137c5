# Groups of exceptions: TG9 and what the contract says of taking them apart (API 3.2).


@shows("TG9")
def a_group_knows_its_kind():
    log("ordinary", type_name(ExceptionGroup("m", [Err("a")])), type_name(BaseExceptionGroup("m", [Err("a")])))
    log("base", type_name(BaseExceptionGroup("m", [Err("a"), BaseErr("b")])))
    log("refused", raised(ExceptionGroup, "m", [BaseErr("b")]), raised(ExceptionGroup, "m", []))
    log("is", isinstance(ExceptionGroup("m", [Err("a")]), Exception), isinstance(BaseExceptionGroup("m", [BaseErr("b")]), Exception))


@shows("TG9")
def a_group_is_split_by_class():
    g = ExceptionGroup("m", [Err("a"), Err2("b"), SubErr("c"), ValueError("d")])
    for kind in [Err, SubErr, Err2, Exception, TypeError]:
        a, b = g.split(kind)
        log("split", a, "rest", b)
        log("same", a is g, b is g, g.subgroup(kind))


@shows("TG9")
def nested_groups_keep_their_shape():
    inner = ExceptionGroup("inner", [Err("a"), Err2("b")])
    g = BaseExceptionGroup("outer", [inner, BaseErr("c"), ExceptionGroup("other", [Err2("d")])])
    for kind in [Err, Err2, BaseErr, BaseException]:
        a, b = g.split(kind)
        log("split", a, "rest", b)
        log("kinds", type_name(a), b is not None and type_name(b))
    log("inner", g.subgroup(Err).exceptions[0] is inner, g.exceptions[0] is inner)


@shows("TG9")
def a_group_is_split_by_several_classes_and_functions():
    g = ExceptionGroup("m", [Err("a"), ExceptionGroup("n", [Err2("b"), ValueError("c")])])
    a, b = g.split((Err, ValueError))
    log("classes", a, "rest", b)
    a, b = g.split(lambda e: isinstance(e, Err2))
    log("function", a, "rest", b)
    log("whole", g.subgroup(lambda e: isinstance(e, ExceptionGroup)) is g)


@shows("TG9")
def parts_of_a_group_keep_what_it_came_from():
    g = ExceptionGroup("m", [Err("a"), Err2("b")])
    try:
        raise g from ValueError("cause")
    except ExceptionGroup as e:
        a, b = e.split(Err)
        log("cause", a.__cause__, b.__cause__, a.__cause__ is b.__cause__)
    d = g.derive([Err2("x")])
    log("derived", d, type_name(d), d.__cause__)


@shows("TG9", "TG12")
async def errors_of_nested_task_groups_are_split():
    async def fail(err):
        raise err

    try:
        async with TaskGroup() as outer:
            outer.create_task(fail(Err("a")))
            async with TaskGroup() as inner:
                inner.create_task(fail(Err2("b")))
                inner.create_task(fail(SubErr("c")))
    except BaseExceptionGroup as e:
        log("all", e)
        a, b = e.split(Err)
        log("split", a, "rest", b, current_task().cancelling())
        log("none", e.subgroup(ValueError), e.split(ValueError)[1] is e if False else None)


@shows("TG9")
async def a_group_travels_through_tasks_and_gather():
    g = ExceptionGroup("m", [Err("a")])

    async def fail():
        raise g

    t = create_task(fail())
    try:
        await t
    except ExceptionGroup as e:
        log("task", e is g, t.exception() is g)
    log("gather", await gather(fail(), fail(), return_exceptions=True))
    try:
        async with TaskGroup() as tg:
            tg.create_task(fail())
    except ExceptionGroup as e:
        log("group", e, e.exceptions[0] is g)


@shows("TG9")
async def cancelled_errors_in_groups():
    g = BaseExceptionGroup("m", [CancelledError("c"), Err("a")])

    async def fail():
        raise g

    t = create_task(fail())
    await wait([t])
    log("not cancelled", t.cancelled(), state(t))
    a, b = g.split(CancelledError)
    log("split", a, type_name(a), b, type_name(b))


@shows("TH6")
def errors_are_told_apart_by_class():
    for err in [Err("a"), SubErr("b"), TimeoutError("c"), CancelledError("d"), KeyboardInterrupt("e"), InvalidStateError("f"), QueueFull(),
                BrokenBarrierError(), LookupError("g"), IncompleteReadError(b"h", 3), ConnectionResetError("i")]:
        log("is", type_name(err), [isinstance(err, kind) for kind in [Exception, BaseException, Err, RuntimeError, LookupError, OSError, EOFError]])
