# The GPU back end of m4 (src/m4/cuda), option M4SWEEP_CUDA: AUTO builds it where nvcc and the headers
# are, ON insists on them, OFF leaves it out. Nothing is linked: the program loads the driver, cuBLAS
# and cuDNN when it runs. Adds sources to `library_sources`; m4sweep_use_cuda(TARGET) does the rest.
set(M4SWEEP_CUDA AUTO CACHE STRING "GPU back end of m4: AUTO, ON or OFF")
set_property(CACHE M4SWEEP_CUDA PROPERTY STRINGS AUTO ON OFF)
set(M4SWEEP_CUDA_FOUND FALSE)
set(cuda_missing "")

if(NOT M4SWEEP_CUDA STREQUAL "OFF")
  find_program(M4SWEEP_NVCC nvcc HINTS $ENV{CUDA_HOME}/bin $ENV{CUDA_PATH}/bin /usr/local/cuda/bin)
  if(M4SWEEP_NVCC)
    get_filename_component(cuda_root ${M4SWEEP_NVCC} REALPATH)
    get_filename_component(cuda_root ${cuda_root} DIRECTORY)
    get_filename_component(cuda_root ${cuda_root} DIRECTORY)
    find_path(M4SWEEP_CUDA_INCLUDE cuda.h HINTS ${cuda_root}/include ${cuda_root}/targets/x86_64-linux/include)
    find_path(M4SWEEP_CUBLAS_INCLUDE cublasLt.h HINTS ${cuda_root}/include ${cuda_root}/targets/x86_64-linux/include)
    find_path(M4SWEEP_CUDNN_INCLUDE cudnn.h HINTS ${cuda_root}/include $ENV{CUDNN_HOME}/include)
  endif()
  foreach(thing IN ITEMS NVCC CUDA_INCLUDE CUBLAS_INCLUDE)
    if(NOT M4SWEEP_${thing})
      list(APPEND cuda_missing ${thing})
    endif()
  endforeach()
  # Kernels that this nvcc and its host compiler cannot compile do not stop a build that did not ask.
  if(NOT cuda_missing)
    execute_process(
      COMMAND ${M4SWEEP_NVCC} -I${CMAKE_SOURCE_DIR}/src --fatbin -arch=sm_80 -o ${CMAKE_BINARY_DIR}/m4-kernels-probe.fatbin
        ${CMAKE_SOURCE_DIR}/src/m4/cuda/kernels.cu
      RESULT_VARIABLE cuda_probe OUTPUT_VARIABLE cuda_probe_text ERROR_VARIABLE cuda_probe_text)
    if(NOT cuda_probe EQUAL 0)
      list(APPEND cuda_missing "an nvcc that compiles (${cuda_probe_text})")
    endif()
  endif()
  if(NOT cuda_missing)
    set(M4SWEEP_CUDA_FOUND TRUE)
  elseif(M4SWEEP_CUDA STREQUAL "ON")
    message(FATAL_ERROR "M4SWEEP_CUDA is ON, but these are missing: ${cuda_missing}")
  endif()
endif()

file(GLOB cuda_sources CONFIGURE_DEPENDS src/m4/cuda/*.c)
if(M4SWEEP_CUDA_FOUND)
  list(FILTER cuda_sources EXCLUDE REGEX "/absent\\.c$")
  if(M4SWEEP_CUDNN_INCLUDE)
    list(FILTER cuda_sources EXCLUDE REGEX "/nv_cells_absent\\.c$")
  else()
    list(FILTER cuda_sources EXCLUDE REGEX "/nv_cells\\.c$")
  endif()
  set(cuda_image ${CMAKE_BINARY_DIR}/m4-kernels.fatbin)
  # Machine code for Ampere (and Ada) and Hopper, PTX for what comes after.
  add_custom_command(OUTPUT ${cuda_image}
    COMMAND ${M4SWEEP_NVCC} -I${CMAKE_SOURCE_DIR}/src --fatbin -O3 -lineinfo -Werror all-warnings
      -gencode=arch=compute_80,code=sm_80 -gencode=arch=compute_90,code=sm_90
      -gencode=arch=compute_90,code=compute_90
      -o ${cuda_image} ${CMAKE_SOURCE_DIR}/src/m4/cuda/kernels.cu
    DEPENDS src/m4/cuda/kernels.cu src/m4/cuda/bodies.h src/m4/cuda/kernels.h
    COMMENT "Compiling the kernels of m4 for GPUs" VERBATIM)
  set_source_files_properties(src/m4/cuda/nv_image.c PROPERTIES OBJECT_DEPENDS ${cuda_image}
    COMPILE_DEFINITIONS "M4SWEEP_CUDA_IMAGE=\"${cuda_image}\"")
  set_source_files_properties(src/m4/cuda/nv_driver.c PROPERTIES
    COMPILE_DEFINITIONS "M4SWEEP_CUDA_LIBRARIES=\"${cuda_root}/lib64\"")
  message(STATUS "GPU back end of m4: CUDA of ${cuda_root}, cuDNN headers: ${M4SWEEP_CUDNN_INCLUDE}")
else()
  list(FILTER cuda_sources EXCLUDE REGEX "/nv_[a-z_]*\\.c$")
  message(STATUS "GPU back end of m4: left out (M4SWEEP_CUDA is ${M4SWEEP_CUDA}, missing: ${cuda_missing})")
endif()
list(APPEND library_sources ${cuda_sources})

function(m4sweep_use_cuda target)
  if(NOT M4SWEEP_CUDA_FOUND)
    return()
  endif()
  target_include_directories(${target} SYSTEM PRIVATE ${M4SWEEP_CUDA_INCLUDE} ${M4SWEEP_CUBLAS_INCLUDE})
  if(M4SWEEP_CUDNN_INCLUDE)
    target_include_directories(${target} SYSTEM PRIVATE ${M4SWEEP_CUDNN_INCLUDE})
  endif()
endfunction()
