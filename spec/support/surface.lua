-- The public names, by area: what is there, and what asyncio has and casync owes so far. spec/surface_spec.lua checks both; a
-- name that is made moves from `owed` to `there`. Names of the module stand alone, methods behind their class; `loop` is an event
-- loop, `Coroutine` the class of coroutine objects.
return {
  there = {
    {"coroutines and tasks", [[
      generator create_task sleep gather shield wait as_completed FIRST_COMPLETED FIRST_EXCEPTION ALL_COMPLETED
      current_task all_tasks iscoroutine iscoroutinefunction eager_task_factory create_eager_task_factory Task
      Task.cancel Task.cancelled Task.cancelling Task.uncancel Task.done Task.result Task.exception
      Task.add_done_callback Task.remove_done_callback Task.get_name Task.set_name Task.get_coro
      Task.get_context Task.get_stack Task.print_stack Task.get_loop Task.set_result Task.set_exception async
      await kw Future.await Task.await Coroutine.await Coroutine.send Coroutine.throw Coroutine.close
      coroutine.create coroutine.resume coroutine.wrap coroutine.close coroutine.status coroutine.running
      coroutine.isyieldable coroutine.yield with]]},
    {"runners", [[
      run Runner Runner.run Runner.close Runner.get_loop Runner.enter]]},
    {"task groups", [[
      TaskGroup TaskGroup.create_task TaskGroup.enter]]},
    {"timeouts", [[
      timeout timeout_at wait_for Timeout Timeout.when Timeout.reschedule Timeout.expired Timeout.enter]]},
    {"futures", [[
      Future Future.result Future.set_result Future.set_exception Future.done Future.cancelled Future.cancel
      Future.exception Future.add_done_callback Future.remove_done_callback Future.get_loop isfuture
      ensure_future]]},
    {"sync", [[
      Lock Lock.acquire Lock.release Lock.locked Lock.enter Event Event.set Event.clear Event.is_set Event.wait
      Condition Condition.acquire Condition.release Condition.locked Condition.wait Condition.wait_for
      Condition.notify Condition.notify_all Condition.enter Semaphore Semaphore.acquire Semaphore.release
      Semaphore.locked Semaphore.enter BoundedSemaphore BoundedSemaphore.acquire
      BoundedSemaphore.release BoundedSemaphore.locked BoundedSemaphore.enter Barrier Barrier.wait
      Barrier.reset Barrier.abort Barrier.enter]]},
    {"queues", [[
      Queue Queue.put Queue.put_nowait Queue.get Queue.get_nowait Queue.qsize Queue.empty Queue.full
      Queue.join Queue.task_done Queue.shutdown Queue.items PriorityQueue LifoQueue
      QueueEmpty QueueFull QueueShutDown]]},
    {"exceptions", [[
      CancelledError TimeoutError InvalidStateError IncompleteReadError LimitOverrunError
      SendfileNotAvailableError BrokenBarrierError BaseExceptionGroup ExceptionGroup ExceptionGroup.subgroup
      ExceptionGroup.split ExceptionGroup.derive BaseExceptionGroup.subgroup BaseExceptionGroup.split
      BaseExceptionGroup.derive AssertionError BaseException BlockingIOError BrokenPipeError
      ChildProcessError ConnectionAbortedError ConnectionError ConnectionRefusedError ConnectionResetError
      EOFError Exception FileExistsError FileNotFoundError GeneratorExit IndexError InterruptedError
      IsADirectoryError KeyError KeyboardInterrupt LookupError NotADirectoryError NotImplementedError OSError
      PermissionError ProcessLookupError RecursionError RuntimeError SSLCertVerificationError SSLEOFError
      SSLError SSLZeroReturnError StopAsyncIteration SystemExit TypeError ValueError gaierror isinstance pcall
      xpcall BaseException.subclass]]},
    {"event loop", [[
      get_running_loop get_event_loop set_event_loop new_event_loop loop.run_until_complete loop.run_forever
      loop.stop loop.is_running loop.is_closed loop.close loop.shutdown_asyncgens loop.call_soon
      loop.call_later loop.call_at loop.time loop.create_future loop.create_task loop.set_task_factory
      loop.get_task_factory loop.add_reader loop.remove_reader loop.add_writer loop.remove_writer
      loop.add_signal_handler loop.remove_signal_handler loop.set_exception_handler loop.get_exception_handler
      loop.default_exception_handler loop.call_exception_handler Handle Handle.cancel Handle.cancelled
      Handle.get_context TimerHandle TimerHandle.when TimerHandle.cancel TimerHandle.cancelled
      TimerHandle.get_context]]},
    {"servers and connections", [[
      loop.create_connection loop.create_server AbstractServer AbstractServer.close AbstractServer.close_clients
      AbstractServer.abort_clients AbstractServer.get_loop AbstractServer.is_serving AbstractServer.start_serving
      AbstractServer.serve_forever AbstractServer.wait_closed AbstractServer.enter Server Server.close
      Server.close_clients Server.abort_clients Server.get_loop Server.is_serving Server.start_serving
      Server.serve_forever Server.wait_closed staggered.staggered_race]]},
    {"debugging", [[
      loop.set_debug loop.get_debug loop.slow_callback_duration log.logger log.Logger log.NOTSET log.DEBUG log.INFO log.WARNING log.ERROR
      log.CRITICAL]]},
    {"call graph", [[
      capture_call_graph format_call_graph print_call_graph FutureCallGraph FrameCallGraphEntry
      future_add_to_awaited_by future_discard_from_awaited_by]]},
    {"threads", [[
      loop.call_soon_threadsafe loop.shutdown_default_executor]]},
    {"context variables", [[
      contextvars.ContextVar ContextVar.get ContextVar.set ContextVar.reset contextvars.Token
      contextvars.copy_context contextvars.Context Context.run Context.copy Context.get Context.keys
      Context.values Context.items Token.enter Token.MISSING Context.contains]]},
    {"testing", [[
      testing.run testing.async testing.new_event_loop testing.no_leaks testing.check_leaks
      testing.cancel_everywhere testing.unchecked testing.defaults]]},
    {"files", [[
      files.read files.fileno]]},
    {"streams", [[
      open_connection start_server
      StreamReader StreamReader.read StreamReader.readline StreamReader.readexactly StreamReader.readuntil
      StreamReader.at_eof StreamReader.feed_data StreamReader.feed_eof StreamReader.set_exception
      StreamReader.exception StreamReader.set_transport StreamReader.lines StreamWriter StreamWriter.write
      StreamWriter.writelines StreamWriter.drain StreamWriter.write_eof StreamWriter.can_write_eof
      StreamWriter.close StreamWriter.is_closing StreamWriter.wait_closed StreamWriter.get_extra_info
      StreamReaderProtocol StreamReaderProtocol.connection_made StreamReaderProtocol.connection_lost
      StreamReaderProtocol.data_received StreamReaderProtocol.eof_received
      StreamReaderProtocol.pause_writing StreamReaderProtocol.resume_writing]]},
    {"names", [[
      loop.getaddrinfo loop.getnameinfo]]},
    {"bytes", [[
      Buffer Buffer.sub Buffer.set Buffer.find Buffer.view]]},
    {"transports", [[
      BaseTransport BaseTransport.close BaseTransport.is_closing BaseTransport.get_extra_info
      BaseTransport.set_protocol BaseTransport.get_protocol ReadTransport ReadTransport.is_reading
      ReadTransport.pause_reading ReadTransport.resume_reading WriteTransport WriteTransport.write
      WriteTransport.writelines WriteTransport.write_eof WriteTransport.can_write_eof WriteTransport.abort
      WriteTransport.set_write_buffer_limits WriteTransport.get_write_buffer_size
      WriteTransport.get_write_buffer_limits Transport Transport.is_reading Transport.pause_reading
      Transport.resume_reading]]},
    {"protocols", [[
      BaseProtocol BaseProtocol.connection_made BaseProtocol.connection_lost BaseProtocol.pause_writing
      BaseProtocol.resume_writing Protocol Protocol.data_received Protocol.eof_received BufferedProtocol
      BufferedProtocol.get_buffer BufferedProtocol.buffer_updated BufferedProtocol.eof_received]]},
    {"module", [[
      version]]},
  },

  owed = {
    {"futures", [[
      wrap_future]]},
    {"streams", [[
      open_unix_connection start_unix_server StreamWriter.start_tls]]},
    {"subprocess", [[
      create_subprocess_exec create_subprocess_shell subprocess.PIPE subprocess.STDOUT subprocess.DEVNULL
      subprocess.Process loop.subprocess_exec loop.subprocess_shell]]},
    {"event loop", [[
      AbstractEventLoop BaseEventLoop SelectorEventLoop EventLoop loop.create_datagram_endpoint
      loop.create_unix_connection loop.create_unix_server loop.connect_accepted_socket loop.sendfile
      loop.start_tls loop.sock_recv loop.sock_recv_into
      loop.sock_recvfrom loop.sock_recvfrom_into loop.sock_sendall loop.sock_sendto loop.sock_connect
      loop.sock_accept loop.sock_sendfile loop.connect_read_pipe
      loop.connect_write_pipe]]},
    {"transports", [[
      DatagramTransport DatagramTransport.sendto
      DatagramTransport.abort SubprocessTransport]]},
    {"protocols", [[
      DatagramProtocol DatagramProtocol.datagram_received DatagramProtocol.error_received SubprocessProtocol
      SubprocessProtocol.pipe_data_received SubprocessProtocol.pipe_connection_lost
      SubprocessProtocol.process_exited]]},
    {"policies", [[
      get_event_loop_policy set_event_loop_policy AbstractEventLoopPolicy
      AbstractEventLoopPolicy.get_event_loop AbstractEventLoopPolicy.set_event_loop
      AbstractEventLoopPolicy.new_event_loop DefaultEventLoopPolicy]]},
    {"threads", [[
      to_thread run_coroutine_threadsafe loop.run_in_executor loop.set_default_executor ThreadPoolExecutor
      threads.parent]]},
  },

  -- Fields of the module that are folders of names, or for the library itself.
  others = [[
    contextvars coroutine exceptions files log socket testing is_exception staggered]],
}
