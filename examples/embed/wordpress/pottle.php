<?php
/**
 * Plugin Name: Pottle discussions
 * Description: A live discussion below every post, found by the post's number.
 * Version: 1.0.0
 * License: MIT
 */

defined('ABSPATH') || exit;

const POTTLE = ['address' => 'https://your-pottle.example', 'group' => 'blog'];

add_filter('the_content', function (string $content): string {
    if (!is_singular('post') || !in_the_loop() || !is_main_query()) {
        return $content;
    }
    return $content . sprintf(
        '<pottle-thread group="%s" key="post-%d" title="%s" lang="%s"></pottle-thread>',
        esc_attr(POTTLE['group']),
        get_the_ID(),
        esc_attr(wp_strip_all_tags(get_the_title())),
        esc_attr(get_bloginfo('language'))
    );
});

add_action('wp_footer', function (): void {
    printf('<script type="module" src="%s"></script>', esc_url(POTTLE['address'] . '/embed.js'));
});
