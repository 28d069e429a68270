# The CPU build for machines without CMake: `node-gyp rebuild --directory native`, into native/build/Release.
{
  "variables": {
    "root": "<(module_root_dir)/..",
    "version": "<!(node -p \"require('../package.json').version\")",
    "onednn%": "<!(node ../scripts/find-library.mjs onednn)",
    "jpeg%": "<!(node ../scripts/find-library.mjs jpeg)",
  },
  "targets": [
    {
      "target_name": "facenet",
      "sources": ["<!@(node -p \"require('fs').readdirSync('.', { recursive: true }).filter((f) => /^(core|ops|graph|train|images|binding|backends|backends\\/(host|reference|cpu|cpu\\/conv|cpu\\/search))\\/[^/]+\\.cc$/.test(f) && !/onednn[a-z_]*\\.cc$/.test(f)).join(' ')\")"],
      "include_dirs": ["<(root)", "<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": [
        "FACENET_VERSION=\"<(version)\"",
        "NAPI_VERSION=8",
        "NAPI_CPP_EXCEPTIONS",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
      ],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti"],
      "cflags_cc": ["-std=c++20", "-O3", "-fvisibility=hidden", "-ffp-contract=off"],
      "conditions": [
        ["onednn=='yes'", {
          "sources": ["backends/cpu/conv/onednn.cc", "backends/cpu/conv/onednn_training.cc"],
          "defines": ["FACENET_ONEDNN"],
          "cflags_cc": ["-fopenmp"],
          "ldflags": ["-fopenmp"],
          "libraries": ["-ldnnl"],
        }],
        ["jpeg=='yes'", {
          "defines": ["FACENET_JPEG"],
          "libraries": ["-l:libjpeg.a"],
          "ldflags": ["-Wl,--exclude-libs,libjpeg.a"],
        }],
        ["OS=='mac'", {
          "xcode_settings": {
            "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
            "GCC_ENABLE_CPP_RTTI": "YES",
            "CLANG_CXX_LANGUAGE_STANDARD": "c++20",
            "MACOSX_DEPLOYMENT_TARGET": "11.0",
          },
        }],
      ],
    },
  ],
}
