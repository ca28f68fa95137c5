-- Three computations take turns at each sleep; gather() collects what they return.
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local factorial = async(function(name, number)
  local product = 1
  for i = 2, number do
    print(("Task %s: Compute factorial(%d), currently i=%d..."):format(name, number, i))
    await(asyncio.sleep(1))
    product = product * i
  end
  print(("Task %s: factorial(%d) = %d"):format(name, number, product))
  return product
end)

asyncio.run(function()
  local products = await(asyncio.gather(factorial("A", 2), factorial("B", 3), factorial("C", 4)))
  print(table.concat(products, ", "))
end)
